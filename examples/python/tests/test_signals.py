# SPDX-License-Identifier: MIT
"""Ctrl-C ends a wait at once and breaks nothing; a handler that does not raise lets it go on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import COUNTER, FRAMES, LONG, assert_counts, assert_reader_law, drain, run_child

import acap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_START = f"""
import asyncio, signal
import acap
context = acap.Context()
stream = context.open_stream("{COUNTER}")
reader = stream.open_reader()
stream.start()
async def consume():
    async for buffer in reader:
        pass
"""
_WAITS = {
    "borrow": "reader.borrow()",
    "borrow with a timeout": "reader.borrow(1000)",
    "for": "next(reader)",
    "async for": "asyncio.run(consume())",
    "event": "context.next_event()",
}


def _is_asleep(pid: int) -> bool:
    """Tell whether the main thread sleeps in the kernel."""
    stat = Path(f"/proc/{pid}/task/{pid}/stat").read_text(encoding="ascii")
    return stat.rpartition(")")[2].split()[0] == "S"


@contextlib.contextmanager
def _sleeping_child(code: str) -> Iterator[subprocess.Popen[str]]:
    """Start a program that says "ready" and then waits for audio."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("there is no /proc that tells when a process sleeps")
    with subprocess.Popen(
        [sys.executable, "-c", _START + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            limit = time.monotonic() + LONG
            calm = 0
            while calm < 3:  # a page fault looks like sleep too, but not thrice
                calm = calm + 1 if _is_asleep(child.pid) else 0
                assert time.monotonic() < limit
                time.sleep(0.01)
            yield child
        finally:
            child.kill()


def _interrupt_and_wait(child: subprocess.Popen[str]) -> tuple[str, str]:
    sent = time.monotonic()
    os.kill(child.pid, signal.SIGINT)
    output = child.communicate(timeout=LONG)
    assert time.monotonic() - sent < 5
    return output


@pytest.mark.parametrize("wait", sorted(_WAITS))
def test_ctrl_c(wait: str) -> None:
    code = f"""
print("ready", flush=True)
try:
    {_WAITS[wait]}
except KeyboardInterrupt:
    stream.sim_advance(480)
    assert reader.borrow().position == 0  # it goes on as if nothing had been
    assert stream.pool.stats.in_use == 0
    print("interrupted")
"""
    with _sleeping_child(code) as child:
        output, errors = _interrupt_and_wait(child)
    assert (child.returncode, output, errors) == (0, "interrupted\n", "")


def test_ctrl_c_that_nobody_catches() -> None:
    with _sleeping_child('print("ready", flush=True)\nreader.borrow()\n') as child:
        _, errors = _interrupt_and_wait(child)
    assert child.returncode == -signal.SIGINT
    assert errors.splitlines()[-1] == "KeyboardInterrupt"


def test_a_handler_that_interrupts_the_reader() -> None:
    code = """
signal.signal(signal.SIGINT, lambda *_: reader.interrupt())
print("ready", flush=True)
try:
    reader.borrow()
except acap.Interrupted:
    print("interrupted")
"""
    with _sleeping_child(code) as child:
        output, errors = _interrupt_and_wait(child)
    assert (child.returncode, output, errors) == (0, "interrupted\n", "")


def test_a_handler_that_does_nothing() -> None:
    code = """
def count(*_):
    count.calls += 1
    if count.calls == 2:
        stream.stop()
count.calls = 0
signal.signal(signal.SIGINT, count)
print("ready", flush=True)
print(len(list(reader)), count.calls)
"""
    with _sleeping_child(code) as child:
        os.kill(child.pid, signal.SIGINT)
        limit = time.monotonic() + LONG
        pending = Path(f"/proc/{child.pid}/status")
        while "ShdPnd:\t0000000000000000" not in pending.read_text(encoding="ascii"):
            assert time.monotonic() < limit
        calm = 0
        while calm < 3:
            calm = calm + 1 if _is_asleep(child.pid) else 0
            time.sleep(0.01)
        assert child.poll() is None
        output, errors = _interrupt_and_wait(child)
    assert (child.returncode, output, errors) == (0, "0 2\n", "")


_STORM = """
import gc, sys
class StormError(Exception):
    pass
def strike(*_):
    if is_armed:
        raise StormError
is_armed = False
ignored = []
sys.unraisablehook = ignored.append
signal.signal(signal.SIGALRM, strike)
strikes = 0
while strikes < 3000:
    stream.sim_advance(480 * 20)
    try:
        is_armed = True
        signal.setitimer(signal.ITIMER_REAL, 20e-6 + strikes % 97 * 1e-6)
        while True:
            buffer = reader.borrow(0)
            with buffer, memoryview(buffer) as view:
                view[0, 0]
            buffer = reader.borrow(0)
            buffer.release()
            reader.borrow(0)
    except (StormError, acap.TimedOut) as error:
        strikes += isinstance(error, StormError)
    finally:
        is_armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
buffer = view = error = None
while (left := reader.try_borrow()) is not None:
    left.release()
left = None
gc.collect()
figures = stream.pool.stats
print(figures.in_use, figures.rejected_releases, *ignored)
"""


def test_exceptions_at_any_moment_leak_nothing() -> None:
    """Nor does an exception get lost in a finalizer."""
    done = run_child(_START + _STORM)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "0 0\n"


_PACKAGE = str(Path(acap.__file__).parent)


def _is_moment(frame: FrameType, event: str) -> bool:
    """Tell whether Python would look for signals now, in the package's code.

    It looks at the begin of a function and at the return from a C function, but not when a
    coroutine goes on.
    """
    code = frame.f_code
    if not code.co_filename.startswith(_PACKAGE):
        return False
    return event == "c_return" or (event == "call" and not code.co_flags & inspect.CO_COROUTINE)


def _strike(moment: int, call: Callable[[], object]) -> KeyboardInterrupt | None:
    """Call something; a KeyboardInterrupt comes at one of the moments in the package's code.

    Without the garbage collector: what is raised in there is thrown away, and comes to no caller.
    """
    left = moment

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal left
        if _is_moment(frame, event):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt  # which ends the profiling too

    gc.disable()
    sys.setprofile(look)
    try:
        call()
    except acap.TimedOut:
        pass
    except KeyboardInterrupt as error:
        return error
    finally:
        sys.setprofile(None)
        gc.enable()
    return None


def _borrow_in_asyncio(reader: acap.Reader) -> None:
    async def wait() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await reader.borrow_async()

    asyncio.run(wait())


@pytest.mark.parametrize("wait", ["borrow", "async"])
def test_a_keyboard_interrupt_at_any_moment_of_a_wait(stream: acap.Stream, wait: str) -> None:
    """The reader goes on, and closing it closes it, whatever tracebacks are kept."""
    reader = stream.open_reader()
    for moment in itertools.count(1):
        other = stream.open_reader()
        errors = [
            _strike(
                moment,
                (lambda one=one: one.borrow(0.001))  # type: ignore[misc]
                if wait == "borrow"
                else (lambda one=one: _borrow_in_asyncio(one)),  # type: ignore[misc]
            )
            for one in (reader, other)
        ]
        for one in (reader, other):
            with pytest.raises(acap.TimedOut):
                one.borrow(0.0001)
        stream.sim_advance(FRAMES)
        with reader.borrow(LONG) as buffer:
            assert_counts(buffer)
        descriptor = other.fileno()
        other.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        if errors == [None, None]:
            break
    assert moment > 10
    assert reader.stats.frames_delivered == moment * FRAMES
    reader.close()
    assert stream.pool.stats.in_use == 0


def test_a_keyboard_interrupt_at_any_moment_of_a_wait_for_events(context: acap.Context) -> None:
    for moment in itertools.count(1):
        error = _strike(moment, lambda: context.next_event(0.001))
        with pytest.raises(acap.TimedOut):
            context.next_event(0.0001)
        if error is None:
            break
    assert moment > 10


def test_a_keyboard_interrupt_at_any_moment_of_a_borrow(stream: acap.Stream) -> None:
    reader = stream.open_reader()

    def consume() -> None:
        with reader.borrow() as buffer, memoryview(buffer) as view:
            assert view[0, 0] < 1
            buffer.retain().release()

    for moment in itertools.count(1):
        stream.sim_advance(FRAMES)
        error = _strike(moment, consume)
        if error is None:
            break
        del error
        drain(reader)
        assert stream.pool.stats.in_use == 0
    assert moment > 10
    assert_reader_law(reader.stats)
    assert reader.stats.frames_delivered == moment * FRAMES


def test_a_keyboard_interrupt_at_any_moment_of_a_push(context: acap.Context) -> None:
    with context.open_stream("push:") as stream:
        stream.start()
        frames = bytearray(FRAMES * 8)
        for moment in itertools.count(1):
            error = _strike(moment, lambda: stream.push(frames))
            frames.append(0)  # a BufferError if somebody still looked
            frames.pop()
            if error is None:
                break
        assert moment > 3


def test_a_keyboard_interrupt_in_the_garbage_collector(
    stream: acap.Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python throws it away, and that call of a callback with it; views are safe nevertheless."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)

    def struck(_phase: str, _info: dict[str, int]) -> None:
        raise KeyboardInterrupt

    reader = stream.open_reader()
    index = gc.callbacks.index(acap._holds._on_collection)
    struck_one, gc.callbacks[index] = gc.callbacks[index], struck
    try:
        stream.sim_advance(FRAMES)
        buffer = reader.borrow()
        circle: list[object] = [memoryview(buffer), buffer, memoryview(buffer)]
        circle.append(circle)
        del buffer, circle
        gc.collect()
        assert stream.pool.stats.in_use == 0
        stream.sim_advance(FRAMES)
        reader.borrow().release()
        assert stream.pool.stats.in_use == 0
    finally:
        gc.callbacks[index] = struck_one
    assert len(ignored) >= 2


_WAITING_STORM = """
import gc, random, time
def strike(*_):
    if is_armed:
        raise KeyboardInterrupt
is_armed = False
signal.signal(signal.SIGALRM, strike)
random.seed(1)
pushed = context.open_stream("push:")
pushed.start()
frames = bytearray(3840)
strikes = expected = 0
limit = time.monotonic() + 5
while strikes < 4000 and time.monotonic() < limit:
    try:
        is_armed = True
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 120e-6))
        try:
            context.next_event(0.00002)
        except acap.TimedOut:
            pass
        pushed.push(frames)
        reader.borrow(0.0005)
    except (KeyboardInterrupt, acap.TimedOut) as error:
        strikes += isinstance(error, KeyboardInterrupt)
    finally:
        is_armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
    frames.append(0)
    frames.pop()
    stream.sim_advance(480)
    with reader.borrow(10) as buffer:
        assert buffer.position == expected, (buffer.position, expected)
    expected += 480
buffer = error = None
try:
    reader.borrow(0.001)
except acap.TimedOut:
    pass
gc.collect()
figures, law = stream.pool.stats, reader.stats
accounted = law.start_position + law.frames_delivered + law.frames_lost + law.frames_queued
assert accounted == law.end_position
assert law.frames_lost == law.lost_stream + law.lost_queue == 0
assert law.frames_delivered == expected
print(figures.in_use, figures.rejected_releases, strikes > 100)
"""


def test_keyboard_interrupts_at_random_moments_of_waits() -> None:
    done = run_child(_START + _WAITING_STORM)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "0 0 True\n"
