# SPDX-License-Identifier: MIT
"""Sleeping until a wait handle of the library is readable.

Not by a blocking call into the library: while the main thread is inside one, Python cannot run its
signal handlers, and Ctrl-C would do nothing. ``poll`` sleeps without the interpreter lock too, but
returns to the interpreter when a signal comes; if the handler raises, so does ``poll``, else it
goes on (PEP 475). As with every blocking call of the standard library, a signal in the few
instructions between the interpreter's last look and the system call is noticed when the call ends:
at the next buffer.
"""

from __future__ import annotations

import ctypes
import select
import threading
import time
from typing import TYPE_CHECKING

from ._errors import InvalidStateError, check

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._handle import Handle

_LONGEST_POLL_MS = 2**31 - 1


def deadline_after(timeout: float | None) -> float | None:
    """Give the moment by ``time.monotonic``; None is never."""
    if timeout is None:
        return None
    if not timeout >= 0:
        raise ValueError(f"a timeout cannot be {timeout}")
    return time.monotonic() + timeout


def _remaining_ms(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    return min(max((deadline - time.monotonic()) * 1000, 0), _LONGEST_POLL_MS)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class WaitHandle:
    """The wait handle of a reader or of a context.

    Parameters
    ----------
    handle
        The object.
    get
        The function that gives its descriptor.
    """

    __slots__ = ("_descriptor", "_get", "_handle", "_one_sleeper", "_poll")

    def __init__(self, handle: Handle, get: Callable[..., int]) -> None:
        self._handle = handle
        self._get = get
        self._descriptor = -1
        self._poll = select.poll()
        self._one_sleeper = threading.Lock()

    def fileno(self) -> int:
        """Give the file descriptor, made when it is first asked for."""
        with self._handle as cell:
            if self._descriptor < 0:
                descriptor = ctypes.c_ssize_t(-1)
                check(self._get(cell, descriptor))
                self._descriptor = descriptor.value
                self._poll.register(descriptor.value, select.POLLIN)
            return self._descriptor

    def sleep(self, deadline: float | None) -> bool:
        """Sleep until there may be something, without the interpreter lock; False: too late."""
        with self._handle:
            self.fileno()
            self._begin()
            try:
                is_ready = bool(self._poll.poll(_remaining_ms(deadline)))
            finally:
                self._one_sleeper.release()
        return is_ready or deadline is None or time.monotonic() < deadline

    async def sleep_async(self) -> None:
        """Let the event loop do other things until there may be something."""
        import asyncio  # noqa: PLC0415  (only programs that use it pay for it)

        with self._handle:
            descriptor = self.fileno()
            loop = asyncio.get_running_loop()
            sleeper = loop.create_future()
            self._begin()
            try:
                loop.add_reader(descriptor, _wake, sleeper)
                try:
                    await sleeper
                finally:
                    loop.remove_reader(descriptor)
            finally:
                self._one_sleeper.release()

    def _begin(self) -> None:
        if not self._one_sleeper.acquire(blocking=False):
            raise InvalidStateError(text="somebody else waits for the same object")
