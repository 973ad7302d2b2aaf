# SPDX-License-Identifier: MIT
"""Readers: borrowing, waiting, ending."""

from __future__ import annotations

import selectors
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support import FRAMES, LONG, Account, assert_counts, drain

import acap

if TYPE_CHECKING:
    from collections.abc import Callable


def test_iteration(stream: acap.Stream) -> None:
    reader = stream.open_reader()
    account = Account(reader)
    stream.sim_advance(10 * FRAMES)
    stream.stop()
    for count, buffer in enumerate(reader):
        assert buffer.position == count * FRAMES
        assert_counts(buffer)
        account.add(buffer)
        del buffer
    assert list(reader) == []
    account.check()


def test_results_of_borrow(stream: acap.Stream) -> None:
    reader = stream.open_reader()
    assert reader.try_borrow() is None
    for timeout in (0, 0.01):
        with pytest.raises(acap.TimedOut) as caught:
            reader.borrow(timeout)
    assert caught.value.name == "ACAP_TIMED_OUT"
    reader.interrupt()
    with pytest.raises(acap.Interrupted):
        reader.borrow()
    with pytest.raises(acap.TimedOut):
        reader.borrow(0)
    reader.end()
    for _ in range(2):
        with pytest.raises(acap.End):
            reader.borrow()
    for timeout in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            reader.borrow(timeout)
    assert isinstance(caught.value, acap.NoBufferError)


def test_an_interrupt_ends_iteration_by_an_exception(stream: acap.Stream) -> None:
    reader = stream.open_reader()
    stream.sim_advance(FRAMES)
    reader.interrupt()
    with pytest.raises(acap.Interrupted):
        next(reader)
    with next(reader) as buffer:
        assert buffer.position == 0


def test_end_keeps_what_is_queued(stream: acap.Stream) -> None:
    reader = stream.open_reader()
    stream.sim_advance(2 * FRAMES)
    reader.end()
    stream.sim_advance(2 * FRAMES)
    assert [buffer.position for buffer in reader] == [0, FRAMES]


@pytest.mark.parametrize("overflow", list(acap.Overflow))
def test_overflow(stream: acap.Stream, overflow: acap.Overflow) -> None:
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=4, overflow=overflow, name="slow"))
    other = stream.open_reader(acap.ReaderConfig(queue_buffers=10))
    account = Account(reader)
    stream.sim_advance(10 * FRAMES)
    stream.stop()
    positions = []
    for buffer in reader:
        account.add(buffer)
        positions.append(buffer.position // FRAMES)
        del buffer
    account.check()
    assert positions == ([6, 7, 8, 9] if overflow is acap.Overflow.DROP_OLDEST else [0, 1, 2, 3])
    figures = reader.stats
    assert (figures.lost_queue, figures.lost_stream) == (6 * FRAMES, 0)
    assert figures.queued_buffers_peak == 4
    assert len(drain_to_end(other)) == 10


def drain_to_end(reader: acap.Reader) -> list[int]:
    return [buffer.position for buffer in reader]


def test_preroll(open_counter: Callable[..., acap.Stream]) -> None:
    stream = open_counter(history_ns=100_000_000)
    stream.start()
    stream.sim_advance(100 * FRAMES)
    reader = stream.open_reader(acap.ReaderConfig(preroll_ns=50_000_000))
    assert drain(reader) == [position * FRAMES for position in range(95, 100)]
    reader.close()
    stream.stop()


def test_wake_buffers(stream: acap.Stream) -> None:
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=16, wake_buffers=4))
    assert reader.try_borrow() is None
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        selector.select(0)
        assert reader.try_borrow() is None
        stream.sim_advance(3 * FRAMES)
        assert not selector.select(0)
        stream.sim_advance(FRAMES)
        assert selector.select(0)
        assert len(drain(reader)) == 4
        assert not selector.select(0)
    stream.sim_advance(FRAMES)
    with reader.borrow(0.05) as buffer:  # below wake_buffers, but there at the timeout
        assert buffer.position == 4 * FRAMES


def test_stats(stream: acap.Stream) -> None:
    stream.sim_advance(3 * FRAMES)
    reader = stream.open_reader()
    stream.sim_advance(5 * FRAMES)
    for _ in range(2):
        reader.borrow().release()
    figures = reader.stats
    assert (figures.start_position, figures.end_position) == (3 * FRAMES, 8 * FRAMES)
    assert (figures.buffers_delivered, figures.frames_delivered) == (2, 2 * FRAMES)
    assert (figures.queued_buffers, figures.frames_queued) == (3, 3 * FRAMES)
    assert figures.latency_ns_max >= 0
    assert reader.stream is stream


def test_an_interrupted_borrow_loses_nothing(
    stream: acap.Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if Ctrl-C came just when the C function had returned."""

    def strike(_: object) -> None:
        raise KeyboardInterrupt

    reader, other = stream.open_reader(), stream.open_reader()
    stream.sim_advance(2 * FRAMES)
    for one in (reader, other):
        with monkeypatch.context() as patch:
            patch.setattr(acap._reader, "Buffer", strike)
            with pytest.raises(KeyboardInterrupt):
                one.borrow()
    assert drain(reader) == [0, FRAMES]
    other.close()
    assert stream.pool.stats.in_use == 0


class Waiting(threading.Thread):
    """A consumer in another thread, and what came of it."""

    def __init__(self, reader: acap.Reader) -> None:
        super().__init__()
        self.reader = reader
        self.positions: list[int] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for buffer in self.reader:
                self.positions.append(buffer.position)
        except acap.AcapError as error:
            self.error = error

    def join_soon(self) -> None:
        self.join(LONG)
        assert not self.is_alive()


def _wait_until(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.001)


def _start_and_let_sleep(reader: acap.Reader) -> Waiting:
    thread = Waiting(reader)
    thread.start()
    _wait_until(lambda: reader._wait.is_in_use)
    return thread


def test_the_interpreter_runs_while_a_thread_waits(stream: acap.Stream) -> None:
    reader = stream.open_reader()
    thread = _start_and_let_sleep(reader)
    for count in range(20):
        stream.sim_advance(FRAMES)
        _wait_until(lambda count=count: len(thread.positions) == count + 1)  # type: ignore[misc]
    stream.stop()
    thread.join_soon()
    assert thread.positions == [count * FRAMES for count in range(20)]
    assert thread.error is None


def test_ending_a_thread_that_waits(stream: acap.Stream) -> None:
    endings: list[tuple[Callable[[acap.Reader], object], type[acap.AcapError] | None]] = [
        (acap.Reader.end, None),
        (acap.Reader.interrupt, acap.Interrupted),
        (acap.Reader.close, acap.InvalidStateError),
        (lambda _: stream.stop(), None),
    ]
    for end, error in endings:
        thread = _start_and_let_sleep(stream.open_reader())
        end(thread.reader)
        thread.join_soon()
        assert type(thread.error) is (error or type(None))
    stream.start()
    thread = _start_and_let_sleep(stream.open_reader())
    stream.close()
    thread.join_soon()
    assert thread.error is None


def test_one_consumer_at_a_time(stream: acap.Stream) -> None:
    reader = stream.open_reader()
    thread = _start_and_let_sleep(reader)
    with pytest.raises(acap.InvalidStateError, match="somebody else waits"):
        reader.borrow(1)
    reader.end()
    thread.join_soon()


def test_closing_the_context_ends_all(context: acap.Context, stream: acap.Stream) -> None:
    thread = _start_and_let_sleep(stream.open_reader())
    context.close()
    thread.join_soon()
    assert thread.error is None
    with pytest.raises(acap.InvalidStateError):
        stream.start()


def test_real_time(context: acap.Context) -> None:
    """The device's own thread fills, this one sleeps in between."""
    with context.open_stream("sim:counter") as stream, stream.open_reader() as reader:
        account = Account(reader)
        stream.start()
        while account.frames < 4800:
            with reader.borrow(LONG) as buffer:
                assert_counts(buffer)
                account.add(buffer)
        stream.stop()
        for buffer in reader:
            account.add(buffer)
            del buffer
        account.check()
