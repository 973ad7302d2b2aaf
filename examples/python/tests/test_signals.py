# SPDX-License-Identifier: MIT
"""Ctrl-C ends a wait at once; a handler that does not raise lets it go on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import COUNTER, LONG, run_child

if TYPE_CHECKING:
    from collections.abc import Iterator

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
