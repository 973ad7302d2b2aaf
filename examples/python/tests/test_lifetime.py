# SPDX-License-Identifier: MIT
"""Everything in any order: closing, collecting, forking, leaving the interpreter."""

from __future__ import annotations

import gc
import itertools
import random
import re
import shutil
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import COUNTER, FRAMES, assert_counts, assert_pool_law, drain, run_child

import acap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PARTS = ("context", "stream", "reader", "pool", "buffer")


@pytest.fixture
def busy_collector() -> Iterator[None]:
    """Let the collector run all the time."""
    threshold = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*threshold)


def _make_parts() -> dict[str, object]:
    context = acap.Context()
    stream = context.open_stream(COUNTER)
    reader = stream.open_reader()
    stream.start()
    stream.sim_advance(3 * FRAMES)
    return dict(zip(_PARTS, (context, stream, reader, stream.pool, reader.borrow()), strict=True))


@pytest.mark.parametrize("order", list(itertools.permutations(_PARTS)), ids="-".join)
def test_any_order_of_closing(order: tuple[str, ...]) -> None:
    parts = _make_parts()
    observer = parts["pool"].retain()  # type: ignore[attr-defined]
    for name in order:
        part = parts[name]
        if name == "buffer":
            assert_counts(part)  # type: ignore[arg-type]
            part.release()  # type: ignore[attr-defined]
        else:
            part.close()  # type: ignore[attr-defined]
    assert observer.stats.in_use == 0
    assert observer.stats.rejected_releases == 0
    observer.close()


@pytest.mark.parametrize("order", list(itertools.permutations(_PARTS)), ids="-".join)
def test_any_order_of_forgetting(order: tuple[str, ...]) -> None:
    parts = _make_parts()
    observer = parts["pool"].retain()  # type: ignore[attr-defined]
    for name in order:
        if name == "buffer":
            assert_counts(parts[name])  # type: ignore[arg-type]
        del parts[name]
    gc.collect()
    assert observer.stats.in_use == 0
    observer.close()


def test_a_reader_keeps_its_stream(context: acap.Context) -> None:
    reader = context.open_stream(COUNTER).open_reader()
    gc.collect()
    reader.stream.start()
    reader.stream.sim_advance(FRAMES)
    assert drain(reader) == [0]
    reader.stream.close()


def test_circles_go_at_once_with_all_their_parts() -> None:
    observers = []
    for _ in range(20):
        parts = _make_parts()
        parts["array"] = np.asarray(parts["buffer"])
        parts["self"] = parts
        observers.append(parts["pool"].retain())  # type: ignore[attr-defined]
    del parts
    gc.collect()
    for observer in observers:
        assert observer.stats.in_use == 0
        assert_pool_law(observer.stats)
        observer.close()


def test_views_in_circles_with_what_they_look_at(stream: acap.Stream) -> None:
    """Python before 3.12.7 crashes here if acap does not help."""
    reader = stream.open_reader()
    orders = list(itertools.permutations(range(4)))
    for order in orders * 20:
        stream.sim_advance(FRAMES)
        buffer = reader.borrow()
        parts: list[object] = [buffer, memoryview(buffer), memoryview(buffer).cast("B")]
        circle: list[object] = []
        parts.append(circle)
        circle.extend(parts[index] for index in order)
        del buffer, parts, circle
        if order == orders[-1]:
            gc.collect()
            assert stream.pool.stats.in_use == 0


class _Torturer(threading.Thread):
    """Holds, shares, forgets and checks buffers in an order that a seed decides."""

    def __init__(self, context: acap.Context, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._stream = context.open_stream(COUNTER)
        self._reader = self._stream.open_reader(acap.ReaderConfig(queue_buffers=32))
        self._held: list[object] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._stream.start()
            for _ in range(300):
                self._step()
        except BaseException as error:  # noqa: BLE001  (the test raises it again)
            self.error = error

    def _step(self) -> None:
        self._stream.sim_advance(FRAMES * self._random.randint(0, 4))
        for buffer in iter(self._reader.try_borrow, None):
            self._random.choice(self._actions)(self, buffer)
        self._random.shuffle(self._held)
        del self._held[16:]

    def finish(self) -> None:
        if self.error is not None:
            raise self.error
        self._held.clear()
        gc.collect()
        drain(self._reader)
        figures = self._stream.pool.stats
        assert_pool_law(figures)
        assert (figures.in_use, figures.rejected_releases) == (0, 0)
        assert figures.recycled > 0
        self._reader.close()
        self._stream.close()

    def _release(self, buffer: acap.Buffer) -> None:
        assert_counts(buffer)
        buffer.release()

    def _hold(self, buffer: acap.Buffer) -> None:
        self._held.append(buffer)

    def _hold_array(self, buffer: acap.Buffer) -> None:
        self._held.append(np.asarray(buffer)[::3])

    def _hold_view(self, buffer: acap.Buffer) -> None:
        with buffer:
            self._held.append(memoryview(buffer))

    def _hold_circle(self, buffer: acap.Buffer) -> None:
        circle: list[object] = [buffer.retain(), memoryview(buffer)]
        circle.append(circle)

    def _share(self, buffer: acap.Buffer) -> None:
        other = buffer.retain()
        buffer.release()
        assert_counts(other)
        self._held.append(other)

    _actions = (_release, _hold, _hold_array, _hold_view, _hold_circle, _share)


@pytest.mark.usefixtures("busy_collector")
def test_torture(context: acap.Context) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [_Torturer(context, seed) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for thread in threads:
        thread.finish()


def test_closing_while_others_call(context: acap.Context) -> None:
    """Whoever comes too late gets an InvalidStateError; nobody touches what is gone."""
    for _ in range(30):
        stream = context.open_stream(COUNTER)
        reader = stream.open_reader(acap.ReaderConfig(queue_buffers=4))
        stream.start()
        unexpected: list[BaseException] = []
        calls: list[Callable[[], object]] = [
            lambda stream=stream: stream.sim_advance(FRAMES),  # type: ignore[misc]
            lambda reader=reader: reader.stats,  # type: ignore[misc]
            lambda stream=stream: stream.pool.stats,  # type: ignore[misc]
            lambda reader=reader: reader.try_borrow(),  # type: ignore[misc]
        ]

        def work(call: Callable[[], object], unexpected: list[BaseException] = unexpected) -> None:
            try:
                while True:
                    call()
            except (acap.InvalidStateError, acap.End):
                pass
            except BaseException as error:  # noqa: BLE001  (the test looks at it)
                unexpected.append(error)

        threads = [threading.Thread(target=work, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        reader.close()
        stream.close()
        for thread in threads:
            thread.join()
        assert unexpected == []


# ---- fork ----

_FORK = """
import os, sys, warnings
import acap
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
context = acap.Context()
stream = context.open_stream("sim:counter?pace=manual&period=480")
reader = stream.open_reader()
stream.start()
stream.sim_advance(960)
buffer = reader.borrow()
view = memoryview(buffer)
pid = os.fork()
if pid == 0:
    calls = [
        reader.try_borrow, reader.borrow, reader.interrupt, reader.end, lambda: next(reader),
        lambda: reader.stats, stream.start, stream.stop, stream.open_reader, lambda: stream.info,
        lambda: stream.stats, lambda: stream.sim_advance(480), context.devices, context.next_event,
        acap.Context, lambda: acap.Pool(64),
    ]
    for call in calls:
        try:
            call()
        except acap.ForkedError:
            continue
        print("no error from", call)
    assert view[0, 0] == -1.0
    view.release()
    buffer.release()
    for one in (reader, stream, context):
        one.close()
    print("child done", flush=True)
    sys.exit(0)  # through the interpreter's exit
_, status = os.waitpid(pid, 0)
assert status == 0, status
assert view[0, 0] == -1.0
with reader.borrow() as second:
    assert second.position == 480
stream.sim_advance(480)
view.release()
buffer.release()
reader.borrow().release()
assert stream.pool.stats.in_use == 0
print("parent done")
"""


def test_fork() -> None:
    child = run_child(_FORK)
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout.splitlines() == ["child done", "parent done"]


# ---- the interpreter's exit ----

_START = """
import atexit, gc, sys, threading
import acap
context = acap.Context()
stream = context.open_stream({device!r})
reader = stream.open_reader()
stream.start()
"""
_MANUAL = _START.format(device=COUNTER) + "stream.sim_advance(4800)\n"
_REAL = _START.format(device="sim:counter")

_EXITS = {
    "buffers, views and circles are held": _MANUAL
    + """
held = [reader.borrow() for _ in range(4)]
view = memoryview(held[0])
circle = [reader.borrow()]
circle += [memoryview(circle[0]), circle]
with reader.borrow() as left:
    second = memoryview(left)
""",
    "an array is read at the very end": _MANUAL
    + """
class Late:
    def __del__(self, view=memoryview(reader.borrow())):
        assert view[0, 0] == -1.0
        print("late")
late = Late()
early = memoryview(reader.borrow())
atexit.register(lambda: print("atexit", early[0, 0] > -1.0))
""",
    "exit in the middle of the loop": _REAL
    + """
for buffer in reader:
    with buffer:
        view = memoryview(buffer)
        sys.exit()
""",
    "a daemon thread waits": _START.format(device=COUNTER)
    + """
def wait():
    for buffer in reader:  # the exit closes the stream, which ends the loop
        pass
thread = threading.Thread(target=wait, daemon=True)
thread.start()
while not reader._wait.is_in_use:
    pass
""",
    "a daemon thread consumes": _REAL
    + """
enough = threading.Event()
def consume():
    for count, buffer in enumerate(reader):
        with buffer:
            memoryview(buffer)
        if count == 5:
            enough.set()
threading.Thread(target=consume, daemon=True).start()
enough.wait()
""",
    "nothing is closed": _REAL + "reader.borrow().release()\n",
}


@pytest.mark.parametrize("what", sorted(_EXITS))
def test_exit(what: str) -> None:
    child = run_child(_EXITS[what])
    assert (child.returncode, child.stderr) == (0, "")
    if "late" in _EXITS[what]:
        assert child.stdout.split() == ["atexit", "True", "late"]


def test_exit_by_an_exception() -> None:
    child = run_child(_REAL + "for buffer in reader:\n    raise ValueError('enough')\n")
    assert child.returncode == 1
    assert child.stderr.splitlines()[-1] == "ValueError: enough"
    assert child.stderr.count("Traceback") == 1


_LOSE_A_CONTEXT = """
from ctypes import c_void_p
from acap import _library
_library.context_create(None, c_void_p())
"""


def test_nothing_is_left_at_exit() -> None:
    """Valgrind finds nothing that the library allocated but what this program loses on purpose."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("valgrind is not installed")
    child = run_child(
        _EXITS["buffers, views and circles are held"] + _LOSE_A_CONTEXT,
        command=[
            *("env", "PYTHONMALLOC=malloc", valgrind, "--leak-check=full"),
            *("--show-leak-kinds=all", "--num-callers=12"),
        ],
    )
    assert child.returncode == 0, child.stderr
    left = [
        record
        for record in re.split(r"==\d+== \n", child.stderr)
        if re.search(r"by 0x\w+: acap_", record)
        and "acap__feed_create" not in record  # rests in the library, in case the host calls again
    ]
    assert len(left) == 1, "\n".join(left)
    assert "acap_context_create" in left[0]
