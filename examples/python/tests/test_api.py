# SPDX-License-Identifier: MIT
"""Contexts, devices, streams, pools, push, events, errors."""

from __future__ import annotations

import gc
import pickle
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import COUNTER, FRAMES, LONG, Account, assert_stream_law, drain, run_child

import acap

if TYPE_CHECKING:
    from collections.abc import Callable


# ---- errors ----


def test_an_error_says_what_and_why(context: acap.Context) -> None:
    with pytest.raises(acap.NoDeviceError) as caught:
        context.open_stream("sim:trumpet")
    error = caught.value
    assert error.result == -4
    assert error.name == "ACAP_ERROR_NO_DEVICE"
    assert "trumpet" in error.text
    assert str(error) == f"{error.text} ({error.name})"
    assert isinstance(error, acap.AcapError)
    with pytest.raises(ValueError, match="hertz"):
        context.open_stream("sim:sine?hertz=440")


def test_a_failing_device(context: acap.Context) -> None:
    with pytest.raises(acap.AcapError):
        context.open_stream("sim:counter?fail=open")
    with context.open_stream("sim:counter?fail=start") as stream, pytest.raises(acap.AcapError):
        stream.start()


def test_errors_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(acap.NoDeviceError(text="none here")))
    assert (error.result, error.text) == (-4, "none here")
    assert pickle.loads(pickle.dumps(acap.ReleasedError())).result == -3


def test_an_unknown_result_is_an_error_too() -> None:
    error = acap.AcapError(-999)
    assert error.name == "ACAP_UNKNOWN_RESULT"


@pytest.mark.parametrize(
    "config",
    [
        acap.StreamConfig(COUNTER, sample_rate_hz=-1),
        acap.StreamConfig(COUNTER, channel_count=2**32),
        acap.StreamConfig(COUNTER, latency_ns=2**63),
    ],
)
def test_numbers_are_not_cut_to_size(context: acap.Context, config: acap.StreamConfig) -> None:
    with pytest.raises(OverflowError, match="cannot be"):
        context.open_stream(config)


def _config_with(**members: object) -> acap.StreamConfig:
    return acap.StreamConfig(**members)  # type: ignore[arg-type]


def test_arguments_of_the_wrong_type(context: acap.Context, stream: acap.Stream) -> None:
    calls: list[tuple[str, Callable[[], object]]] = [
        ("device", lambda: context.open_stream(5)),  # type: ignore[arg-type]
        ("device", lambda: context.open_stream(b"sim:sine")),  # type: ignore[arg-type]
        ("device", lambda: context.check_supported(5)),  # type: ignore[arg-type]
        ("pool", lambda: context.open_stream(_config_with(device=COUNTER, pool=5))),
        ("pool", lambda: context.check_supported(_config_with(device=COUNTER, pool=stream))),
        ("name", lambda: stream.open_reader(acap.ReaderConfig(name=5))),  # type: ignore[arg-type]
        ("config", lambda: stream.open_reader(5)),  # type: ignore[arg-type]
        ("config", lambda: stream.open_reader("")),  # type: ignore[arg-type]
        ("backend", lambda: acap.Context(5)),  # type: ignore[arg-type]
    ]
    for what, call in calls:
        with pytest.raises(TypeError, match=what):
            call()


def test_texts_are_not_cut_at_a_nul(context: acap.Context, stream: acap.Stream) -> None:
    calls: list[Callable[[], object]] = [
        lambda: context.open_stream("sim:sine\0garbage"),
        lambda: context.check_supported("sim:sine\0"),
        lambda: stream.open_reader(acap.ReaderConfig(name="a\0b")),
        lambda: acap.Context("sim\0"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="NUL"):
            call()


# ---- contexts and devices ----


def test_backends() -> None:
    for backend in ("sim", "push", "portaudio"):
        with acap.Context(backend):
            pass
    with pytest.raises(acap.InvalidArgumentError):
        acap.Context("tape")


def test_devices() -> None:
    with acap.Context("sim") as context:
        devices = context.devices()
    assert any(device.id == "sim:sine" for device in devices)
    assert sum(acap.DeviceFlags.DEFAULT in device.flags for device in devices) == 1
    for device in devices:
        assert device.max_channel_count > 0
        assert device.default_sample_rate_hz > 0
        assert device.host_api
        assert device.high_latency_ns >= device.low_latency_ns >= 0
    with pytest.raises(AttributeError):
        devices[0].name = "other"  # type: ignore[misc]


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACAP_BACKEND", "sim")
    monkeypatch.setenv("ACAP_DEVICE", "sim:silence?pace=manual")
    with acap.Context() as context, context.open_stream() as stream:
        assert stream.info.backend == "sim"
        assert stream.info.device_id.startswith("sim:silence")


def test_check_supported(context: acap.Context) -> None:
    context.check_supported(COUNTER)
    with pytest.raises(acap.AcapError):
        context.check_supported(acap.StreamConfig(COUNTER, sample_rate_hz=7))


def test_using_what_is_closed(context: acap.Context) -> None:
    stream = context.open_stream(COUNTER)
    reader = stream.open_reader()
    pool = stream.pool
    for one in (reader, stream, pool):
        one.close()
        one.close()
    other = acap.Context("sim")
    other.close()
    calls: list[Callable[[], object]] = [
        reader.borrow,
        reader.try_borrow,
        reader.interrupt,
        reader.end,
        reader.fileno,
        reader.__enter__,
        lambda: reader.stats,
        stream.start,
        stream.stop,
        stream.open_reader,
        stream.__enter__,
        lambda: stream.info,
        lambda: stream.stats,
        lambda: stream.pool,
        lambda: stream.sim_advance(1),
        lambda: stream.push_lost(1),
        pool.acquire,
        pool.retain,
        pool.__enter__,
        lambda: pool.stats,
        other.devices,
        other.open_stream,
        other.try_next_event,
        other.next_event,
        other.interrupt,
        other.fileno,
        other.__enter__,
    ]
    for call in calls:
        with pytest.raises(acap.InvalidStateError, match="closed"):
            call()


# ---- streams ----


def test_info(context: acap.Context) -> None:
    config = acap.StreamConfig(
        COUNTER,
        sample_rate_hz=44_100,
        channel_count=5,
        format=acap.Format.S24,
        frames_per_buffer=128,
        planar=True,
    )
    with context.open_stream(config) as stream, context.open_stream(COUNTER) as other:
        info = stream.info
        assert info.sample_rate_hz == 44_100
        assert info.channel_count == 5
        assert info.format is acap.Format.S24
        assert info.frames_per_buffer == 128
        assert info.flags == acap.StreamFlags.PLANAR
        assert info.device_id == COUNTER
        assert info.backend == "sim"
        assert info.latency_ns >= 0
        assert other.info.stream_id > info.stream_id > 0
        assert stream.context is context


def test_start_stop_start_goes_on(stream: acap.Stream) -> None:
    reader = stream.open_reader()
    account = Account(reader)
    stream.start()
    stream.sim_advance(2 * FRAMES)
    stream.stop()
    stream.stop()
    for buffer in reader:
        account.add(buffer)
    with pytest.raises(acap.End):
        reader.borrow(0)
    stream.start()
    stream.sim_advance(FRAMES)
    stream.stop()
    for buffer in reader:
        account.add(buffer)
        del buffer
    account.check()
    assert account.frames == 3 * FRAMES


def test_stream_stats(stream: acap.Stream) -> None:
    stream.sim_advance(10 * FRAMES + 7)
    figures = stream.stats
    assert figures.state is acap.StreamState.RUNNING
    assert figures.position == figures.frames_captured == 10 * FRAMES
    assert figures.buffers_filled == figures.callbacks == 10
    assert figures.callback_ns_total >= figures.callback_ns_max > 0
    assert figures.realtime is False
    stream.stop()
    assert stream.stats.state is acap.StreamState.STOPPED


def test_lost_frames_are_counted(open_counter: Callable[..., acap.Stream]) -> None:
    stream = open_counter("sim:counter?pace=manual&period=480&xrun=2s:4800f:flag")
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=1000))
    account = Account(reader)
    stream.start()
    stream.sim_advance(480_000)
    stream.stop()
    gaps, overflows = [], 0
    for buffer in reader:
        account.add(buffer)
        if acap.BufferFlags.GAP in buffer.flags:
            gaps.append((buffer.position, buffer.lost_before))
        overflows += acap.BufferFlags.HOST_OVERFLOW in buffer.flags
        del buffer
    account.check()
    lost = sum(lost_before for _, lost_before in gaps)
    assert lost == account.gaps == reader.stats.lost_stream == stream.stats.lost_host
    assert lost == pytest.approx(4800, rel=0.1)  # the host does not say how many
    assert overflows == stream.stats.host_overflows == 1
    assert reader.stats.lost_queue == 0
    assert_stream_law(stream.stats)


def test_device_lost(open_counter: Callable[..., acap.Stream]) -> None:
    stream = open_counter("sim:counter?pace=manual&period=480&unplug=100ms")
    reader = stream.open_reader()
    stream.start()
    stream.sim_advance(480_000)
    got = 0
    with pytest.raises(acap.DeviceLostError):  # noqa: PT012
        for buffer in reader:
            got += buffer.frame_count
            del buffer
    assert got == stream.stats.frames_captured > 0
    assert stream.stats.state is acap.StreamState.LOST
    with pytest.raises(acap.DeviceLostError):
        reader.try_borrow()


def test_device_comes_back(open_counter: Callable[..., acap.Stream]) -> None:
    stream = open_counter(
        "sim:counter?pace=manual&period=480&unplug=1s&replug=4s",
        on_device_lost=acap.OnDeviceLost.WAIT,
    )
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=1000))
    account = Account(reader)
    stream.start()
    stream.sim_advance(480_000)
    stream.stop()
    recovered = 0
    for buffer in reader:
        account.add(buffer)
        recovered += acap.BufferFlags.RECOVERED in buffer.flags
        del buffer
    account.check()
    assert recovered == stream.stats.recoveries == 1
    assert stream.stats.lost_host > 0


# ---- push ----


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.array])
def test_push(context: acap.Context, kind: Callable[..., object]) -> None:
    config = acap.StreamConfig("push:", format=acap.Format.S16, frames_per_buffer=4)
    with context.open_stream(config) as stream:
        reader = stream.open_reader()
        stream.start()
        samples = np.arange(16, dtype=np.int16).reshape(8, 2)
        stream.push(kind(samples if kind is np.array else samples.tobytes()), 1_000_000)
        stream.push_lost(3)
        stream.push(b"")
        stream.push(samples[:4])
        stream.stop()
        buffers = list(reader)
        np.testing.assert_array_equal(np.concatenate(buffers[:2]), samples)
        assert buffers[0].time_ns == 1_000_000
        assert (buffers[2].position, buffers[2].lost_before) == (11, 3)
        assert stream.stats.lost_host == 3
        del buffers


_DTYPES = {
    acap.Format.S16: "i2",
    acap.Format.S24: "V3",  # NumPy has none: bytes only
    acap.Format.S32: "i4",
    acap.Format.F32: "f4",
    acap.Format.U8: "u1",
}


@pytest.mark.parametrize("stream_format", list(acap.Format))
def test_push_takes_the_streams_format_only(
    context: acap.Context, stream_format: acap.Format
) -> None:
    config = acap.StreamConfig("push:", format=stream_format, frames_per_buffer=24)
    with context.open_stream(config) as stream, stream.open_reader() as reader:
        stream.start()
        size_bytes = 48 * acap.format_bytes(stream_format)
        octets = bytes(range(size_bytes))
        arrays: list[object] = [octets, np.frombuffer(octets, np.uint8)]
        dtype = _DTYPES[stream_format]
        if dtype != "V3":
            arrays += [np.frombuffer(octets, dtype), np.frombuffer(octets, dtype).reshape(24, 2)]
        for array in arrays:
            stream.push(array)
            with reader.borrow(0) as buffer:
                assert bytes(buffer) == octets
                stream.push(buffer)
            with reader.borrow(0) as buffer:
                assert bytes(buffer) == octets
        delivered = stream.stats.position
        for other in (
            "i1",
            "i2",
            ">i2",
            "u2",
            "i4",
            ">i4",
            "u4",
            "i8",
            "f2",
            "f4",
            ">f4",
            "f8",
            "?",
        ):
            if other != dtype:
                with pytest.raises(TypeError, match=stream_format.name):
                    stream.push(np.zeros((24, 2), other))
        with pytest.raises(TypeError, match=stream_format.name):
            stream.push(np.zeros((24, 2), [("left", "i2"), ("right", "i2")]))
        assert stream.stats.position == delivered
        assert reader.try_borrow() is None


def test_push_what_cannot_be_pushed(context: acap.Context, stream: acap.Stream) -> None:
    with context.open_stream("push:") as pushed:
        with pytest.raises(acap.InvalidStateError):
            pushed.push(bytes(8))
        pushed.start()
        with pytest.raises(acap.InvalidArgumentError, match="no whole frames"):
            pushed.push(bytes(9))
        with pytest.raises((BufferError, ValueError), match="contiguous"):
            pushed.push(np.zeros((4, 4), np.float32)[:, :2])
        with pytest.raises(TypeError):
            pushed.push(17)
        with pytest.raises(OverflowError):
            pushed.push_lost(2**32)
    with pytest.raises(acap.InvalidArgumentError):
        stream.push(bytes(8))


def test_sim_advance_needs_virtual_time(context: acap.Context) -> None:
    with context.open_stream("sim:counter") as stream:
        with pytest.raises(acap.InvalidArgumentError):
            stream.sim_advance(1)
        with pytest.raises(OverflowError):
            stream.sim_advance(-1)


# ---- pools ----


def test_pool() -> None:
    with acap.Pool(1000, buffers_min=2, buffers_max=2) as pool:
        one, two = pool.acquire(), pool.acquire()
        with pytest.raises(acap.PoolExhaustedError):
            pool.acquire()
        assert memoryview(one).shape == (1000,)
        assert (one.format, one.frame_count, one.size_bytes) == (None, 0, 1000)
        view = one.writable()
        view[:4] = b"acap"
        assert one.reference_count == 2
        assert bytes(one)[:4] == b"acap"
        with pytest.raises(acap.InvalidStateError, match="only holder"):
            one.writable()
        with pytest.raises(BufferError):
            one.release()
        view.release()
        del view
        assert one.reference_count == 1
        one.release()
        two.release()
        figures = pool.stats
        assert (figures.acquired, figures.released, figures.exhausted) == (2, 2, 1)
        assert (figures.capacity, figures.in_use, figures.in_use_peak) == (2, 0, 2)
        assert figures.hit_rate == pytest.approx(2 / 3)
        again = pool.acquire()
        assert pool.stats.recycled == 1
        assert pool.stats.oldest_held_ns > 0
        again.release()


def test_a_pool_lives_as_long_as_its_buffers() -> None:
    pool = acap.Pool(64)
    other = pool.retain()
    buffer = pool.acquire()
    pool.close()
    assert other.stats.in_use == 1
    other.close()
    assert bytes(buffer) == bytes(64)
    buffer.release()


def test_a_shared_pool(context: acap.Context) -> None:
    with acap.Pool(FRAMES * 2 * 4, buffers_min=64) as pool:
        config = acap.StreamConfig(COUNTER, pool=pool)
        with context.open_stream(config) as one, context.open_stream(config) as two:
            readers = [stream.open_reader() for stream in (one, two)]
            for stream in (one, two):
                stream.start()
                stream.sim_advance(10 * FRAMES)
            assert pool.stats.in_use == 20
            assert [len(drain(reader)) for reader in readers] == [10, 10]
            for reader in readers:
                reader.close()
        gc.collect()
        assert pool.stats.in_use == 0
        with pytest.raises(acap.LimitError):
            context.open_stream(acap.StreamConfig(COUNTER, channel_count=8, pool=pool))


def test_pool_limits(context: acap.Context) -> None:
    config = acap.StreamConfig(COUNTER, pool_buffers_min=4, pool_buffers_max=8)
    with context.open_stream(config) as stream:
        assert stream.pool.stats.buffers_max == 8
        with pytest.raises(acap.LimitError):
            stream.open_reader(acap.ReaderConfig(queue_buffers=100))


# ---- events ----


def test_events(context: acap.Context) -> None:
    assert context.try_next_event() is None
    with pytest.raises(acap.TimedOut):
        context.next_event(0)
    config = "sim:counter?pace=manual&period=480&xrun=2s:4800f&unplug=8s"
    with context.open_stream(config) as stream:
        reader = stream.open_reader()
        stream.start()
        stream.sim_advance(480_000)
        events = []
        while (event := context.try_next_event()) is not None:
            events.append(event)
        lost = next(event for event in events if event.type is acap.EventType.FRAMES_LOST)
        assert lost.frames == pytest.approx(4800, rel=0.1)
        assert lost.stream_id == stream.info.stream_id
        assert lost.events_lost == 0
        assert lost.time_ns > 0  # virtual time runs ahead of the clock
        assert lost.level in set(acap.Level)
        assert lost.text
        assert acap.EventType.STREAM_LOST in {event.type for event in events}
        reader.close()


def test_events_can_be_interrupted(context: acap.Context) -> None:
    context.interrupt()
    with pytest.raises(acap.Interrupted):
        context.next_event()


def test_closing_wakes_who_waits_for_events() -> None:
    context = acap.Context("sim")
    outcome: list[type[BaseException]] = []

    def wait() -> None:
        with pytest.raises((acap.Interrupted, acap.InvalidStateError)) as caught:
            context.next_event()
        outcome.append(caught.type)

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive() and not context._wait.is_in_use:
        time.sleep(0.001)
    context.close()
    thread.join(LONG)
    assert outcome


def test_a_newer_library_may_know_more_events() -> None:
    kind = acap.EventType(99)
    assert kind == 99
    assert kind.name == "UNKNOWN_99"
    with pytest.raises(ValueError, match="nonsense"):
        acap.EventType("nonsense")  # type: ignore[arg-type]


def test_a_missing_library_is_said_so() -> None:
    child = run_child("import acap", environment={"ACAP_LIBRARY": "/nowhere/libacap.so.0"})
    assert child.returncode == 1
    assert "ImportError: the acap library cannot be loaded" in child.stderr
    assert "LD_LIBRARY_PATH" in child.stderr


def test_helpers() -> None:
    assert [acap.format_bytes(one) for one in acap.Format] == [2, 3, 4, 4, 1]
    assert acap.clock_ns() <= acap.clock_ns()
