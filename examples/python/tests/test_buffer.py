# SPDX-License-Identifier: MIT
"""Borrowed buffers: what they show, whom they keep alive, how they go back."""

from __future__ import annotations

import copy
import ctypes
import gc
import io
import pickle
import threading
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import COUNTER, FRAMES, assert_counts, assert_pool_law, expected_counter

import acap

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def reader(stream: acap.Stream) -> acap.Reader:
    made = stream.open_reader(acap.ReaderConfig(queue_buffers=8))
    stream.sim_advance(4 * FRAMES)
    return made


# ---- zero copy ----


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("channel_count", [1, 2, 7])
@pytest.mark.parametrize("sample_format", list(acap.Format))
def test_arrays_look_at_the_very_memory(
    open_counter: Callable[..., acap.Stream],
    sample_format: acap.Format,
    channel_count: int,
    planar: bool,
) -> None:
    stream = open_counter(channel_count=channel_count, format=sample_format, planar=planar)
    reader = stream.open_reader()
    stream.start()
    stream.sim_advance(3 * FRAMES)
    sample_bytes = acap.format_bytes(sample_format)
    stream.stop()
    for buffer in reader:
        assert_counts(buffer)
        array = np.asarray(buffer)
        assert array.ctypes.data == buffer.data_address
        assert array.shape[:2] == (FRAMES, channel_count)
        assert array.shape[2:] == ((3,) if sample_format is acap.Format.S24 else ())
        assert not array.flags.writeable
        assert not array.flags.owndata
        if planar:
            assert buffer.plane_stride_bytes >= FRAMES * sample_bytes
            assert array.strides[:2] == (sample_bytes, buffer.plane_stride_bytes)
            for channel in range(channel_count):
                plane = array[:, channel]
                address = buffer.data_address + channel * buffer.plane_stride_bytes
                assert plane.ctypes.data == address
        else:
            assert buffer.plane_stride_bytes == 0
            assert array.flags.c_contiguous
            assert buffer.size_bytes == array.nbytes
            assert ctypes.string_at(buffer.data_address, buffer.size_bytes) == bytes(buffer)
        del array, buffer


def test_memoryview(reader: acap.Reader) -> None:
    with reader.borrow() as buffer, memoryview(buffer) as view:
        assert view.readonly
        assert view.shape == (FRAMES, 2)
        assert view.format == "f"
        assert view.nbytes == 3840
        assert view[0, 0] == -1.0
        with pytest.raises(TypeError):
            view[0, 0] = 0.0  # type: ignore[call-overload]
        with view.cast("B") as octets:
            assert len(octets) == 3840
        assert len(buffer) == FRAMES


def test_everything_that_takes_bytes(reader: acap.Reader) -> None:
    expected = expected_counter(0, FRAMES, 2, acap.Format.F32).tobytes()
    with reader.borrow() as buffer:
        file = io.BytesIO()
        file.write(memoryview(buffer))
        assert file.getvalue() == expected
        assert zlib.crc32(memoryview(buffer)) == zlib.crc32(expected)
        assert bytes(buffer) == expected
        assert bytearray(buffer) == expected
        assert np.frombuffer(memoryview(buffer), np.uint8).tobytes() == expected
        with pytest.raises(TypeError):
            (ctypes.c_char * 8).from_buffer(buffer)  # wants to write


def test_a_planar_buffer_is_not_taken_for_contiguous(
    open_counter: Callable[..., acap.Stream],
) -> None:
    stream = open_counter(planar=True)
    reader = stream.open_reader()
    stream.start()
    stream.sim_advance(FRAMES)
    with reader.borrow() as buffer:
        with pytest.raises(BufferError):
            zlib.crc32(memoryview(buffer))
        assert bytes(buffer) == expected_counter(0, FRAMES, 2, acap.Format.F32).tobytes()


def test_array_interface(reader: acap.Reader) -> None:
    class OldStyle:
        def __init__(self, buffer: acap.Buffer) -> None:
            self.__array_interface__ = buffer.__array_interface__

    with reader.borrow() as buffer:
        array = np.asarray(OldStyle(buffer))
        assert array.ctypes.data == buffer.data_address
        assert array.shape == (FRAMES, 2)
        assert array.dtype == np.float32
        assert not array.flags.writeable
        with pytest.raises(BufferError):
            buffer.release()
        del array


def test_header(reader: acap.Reader) -> None:
    one, two = reader.borrow(), reader.borrow()
    assert (one.position, two.position) == (0, FRAMES)
    assert two.time_ns - one.time_ns == pytest.approx(10_000_000, abs=100_000)
    assert one.time_error_ns is None or one.time_error_ns >= 0
    assert one.lost_before == 0
    assert one.flags == acap.BufferFlags(0)
    assert (one.frame_count, one.channel_count, one.sample_rate_hz) == (FRAMES, 2, 48_000)
    assert one.format is acap.Format.F32
    assert one.size_bytes == 3840
    assert one.data_address % 64 == 0
    assert repr(one) == "<acap.Buffer at position 0, 480 x 2>"
    one.release()
    two.release()
    assert repr(two) == "<acap.Buffer at position 480, released>"
    assert two.position == FRAMES


def test_measure(open_counter: Callable[..., acap.Stream]) -> None:
    stream = open_counter("sim:sine?pace=manual&period=480&hz=1000")
    reader = stream.open_reader()
    stream.start()
    stream.sim_advance(FRAMES)
    with reader.borrow() as buffer:
        levels = buffer.measure()
        array = np.asarray(buffer)
        np.testing.assert_allclose(levels.peak, np.abs(array).max(axis=0), rtol=1e-6)
        np.testing.assert_allclose(levels.rms, np.sqrt((array**2).mean(axis=0)), rtol=1e-5)
        assert levels.zeros == (array == 0).sum()
        assert levels.clipped == (np.abs(array) >= 1).sum()
        del array


def test_silence_is_flagged(open_counter: Callable[..., acap.Stream]) -> None:
    stream = open_counter("sim:silence?pace=manual&period=480")
    reader = stream.open_reader()
    stream.start()
    stream.sim_advance(FRAMES)
    with reader.borrow() as buffer:
        assert acap.BufferFlags.SILENT in buffer.flags
        assert buffer.measure().zeros == FRAMES * 2


# ---- giving back ----


def test_release_twice_is_an_error(reader: acap.Reader) -> None:
    pool = reader.stream.pool
    before = pool.stats
    buffer = reader.borrow()
    assert not buffer.released
    buffer.release()
    assert buffer.released
    with pytest.raises(acap.ReleasedError):
        buffer.release()
    after = pool.stats
    assert after.in_use == before.in_use - 1
    assert after.rejected_releases == 0


def test_a_released_buffer_shows_nothing(reader: acap.Reader) -> None:
    buffer = reader.borrow()
    buffer.release()
    with pytest.raises(ValueError, match="released"):
        memoryview(buffer)
    with pytest.raises(acap.ReleasedError):
        np.asarray(buffer)
    calls: list[Callable[[], object]] = [
        buffer.retain,
        buffer.measure,
        buffer.writable,
        buffer.__enter__,
        lambda: buffer.reference_count,
    ]
    for call in calls:
        with pytest.raises(acap.ReleasedError):
            call()


@pytest.mark.parametrize(
    "look", [memoryview, np.asarray, lambda buffer: memoryview(buffer).cast("B")[8:]]
)
def test_release_while_somebody_looks_is_an_error(
    reader: acap.Reader, look: Callable[[acap.Buffer], object]
) -> None:
    buffer = reader.borrow()
    view = look(buffer)
    for _ in range(2):
        with pytest.raises(BufferError, match="still looks"):
            buffer.release()
    assert not buffer.released
    assert_counts(buffer)
    del view
    buffer.release()


def test_an_array_outlives_everything(context: acap.Context) -> None:
    stream = context.open_stream(COUNTER)
    reader = stream.open_reader()
    pool = stream.pool
    stream.start()
    stream.sim_advance(FRAMES)
    buffer = reader.borrow()
    array = np.asarray(buffer)[100:200, 1]
    address = buffer.data_address
    del buffer
    reader.close()
    stream.close()
    del reader, stream
    gc.collect()
    assert pool.stats.in_use == 1
    assert array.ctypes.data == address + (100 * 2 + 1) * 4
    np.testing.assert_array_equal(
        array, expected_counter(0, FRAMES, 2, acap.Format.F32)[100:200, 1]
    )
    del array
    assert pool.stats.in_use == 0
    pool.close()


def test_a_with_block_leaves_it_to_who_still_looks(reader: acap.Reader) -> None:
    pool = reader.stream.pool
    queued = pool.stats.in_use
    with reader.borrow() as buffer:
        array = np.asarray(buffer)
    assert buffer.released
    assert pool.stats.in_use == queued
    with pytest.raises(acap.ReleasedError):
        buffer.release()
    with pytest.raises(ValueError, match="released"):
        memoryview(buffer)
    np.testing.assert_array_equal(array, expected_counter(0, FRAMES, 2, acap.Format.F32))
    del array
    assert pool.stats.in_use == queued - 1


def test_forgotten_buffers_come_back(reader: acap.Reader) -> None:
    pool = reader.stream.pool
    queued = pool.stats.in_use
    reader.borrow()
    assert pool.stats.in_use == queued - 1
    circle: list[object] = [reader.borrow(), np.asarray(reader.borrow())]
    circle.append(circle)
    del circle
    assert pool.stats.in_use == queued - 1
    gc.collect()
    assert pool.stats.in_use == queued - 3
    assert_pool_law(pool.stats)


def test_retain(reader: acap.Reader) -> None:
    pool = reader.stream.pool
    queued = pool.stats.in_use
    one = reader.borrow()
    two = one.retain()
    assert one.reference_count == two.reference_count == 2
    one.release()
    assert two.reference_count == 1
    assert pool.stats.in_use == queued
    assert_counts(two)
    two.release()
    assert pool.stats.in_use == queued - 1


def test_two_readers_share_the_memory(stream: acap.Stream) -> None:
    readers = [stream.open_reader() for _ in range(2)]
    stream.sim_advance(FRAMES)
    one, two = (reader.borrow() for reader in readers)
    assert one.data_address == two.data_address
    assert one.reference_count == 2
    with pytest.raises(acap.InvalidStateError):
        one.writable()
    one.release()
    with two.writable() as view:
        view[0, 0] = 0.5  # type: ignore[call-overload]
    gc.collect()
    assert memoryview(two)[0, 0] == 0.5
    two.release()


def test_a_buffer_is_not_copied_by_accident(reader: acap.Reader) -> None:
    with reader.borrow() as buffer:
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot be copied"):
                attempt(buffer)


def test_a_subclass_with_attributes_in_a_circle(reader: acap.Reader) -> None:
    class Mine(acap.Buffer):
        other: object

    pool = reader.stream.pool
    queued = pool.stats.in_use
    with reader.borrow() as borrowed:
        mine = Mine(acap._library.buffer_retain(borrowed._address))
    mine.other = mine
    assert_counts(mine)
    del mine
    gc.collect()
    assert pool.stats.in_use == queued - 1
    del borrowed


def test_an_exception_in_the_loop_leaks_nothing(reader: acap.Reader) -> None:
    pool = reader.stream.pool

    class TroubleError(Exception):
        pass

    with pytest.raises(TroubleError):  # noqa: PT012
        for buffer in reader:
            with buffer:
                array = np.asarray(buffer)
                raise TroubleError(array.shape)
    del buffer, array
    gc.collect()
    assert pool.stats.in_use == 3
    with pytest.raises(TroubleError):  # noqa: PT012
        for buffer in reader:
            raise TroubleError(buffer.position)
    del buffer
    gc.collect()
    assert pool.stats.in_use == 2


def test_releases_from_many_threads(stream: acap.Stream) -> None:
    """Whoever is first releases, all others get the error, nothing is released twice."""
    count, thread_count = 200, 4
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=count))
    stream.sim_advance(count * FRAMES)
    buffers = [reader.borrow() for _ in range(count)]
    outcomes: list[list[bool]] = [[] for _ in range(thread_count)]
    barrier = threading.Barrier(thread_count)

    def work(outcome: list[bool]) -> None:
        barrier.wait()
        for buffer in buffers:
            try:
                buffer.release()
            except acap.ReleasedError:
                outcome.append(False)
            else:
                outcome.append(True)

    threads = [threading.Thread(target=work, args=(outcome,)) for outcome in outcomes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sum(column) for column in zip(*outcomes, strict=True)] == [1] * count
    figures = stream.pool.stats
    assert (figures.in_use, figures.rejected_releases) == (0, 0)
