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
import time
from typing import TYPE_CHECKING

from ._errors import InvalidStateError, check

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._handle import Cell, Handle

_LONGEST_POLL_MS = 2**31 - 1
_IN_USE = "somebody else waits for the same object"


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


def _wake(loop: asyncio.AbstractEventLoop, descriptor: int, sleeper: asyncio.Future[None]) -> None:
    if sleeper.done():  # a signal handler's exception kept the sleeper from doing this
        loop.remove_reader(descriptor)
    else:
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

    __slots__ = ("_descriptor", "_get", "_handle", "_poll", "_sleeper")

    def __init__(self, handle: Handle, get: Callable[..., int]) -> None:
        self._handle = handle
        self._get = get
        self._descriptor = -1
        self._poll = select.poll()
        self._sleeper: object = None

    def fileno(self) -> int:
        """Give the file descriptor, made when it is first asked for."""
        if self._descriptor < 0 or self._handle.is_closed:
            descriptor = ctypes.c_ssize_t(-1)
            check(self._get(self._handle.open_cell, descriptor))
            self._poll.register(descriptor.value, select.POLLIN)
            self._descriptor = descriptor.value
        return self._descriptor

    @property
    def is_in_use(self) -> bool:
        """Whether somebody sleeps."""
        return self._sleeper is not None

    # One may sleep at a time. Who does is noted inside of the ``try`` and by no call, and so is the
    # end: exceptions from signal handlers come at calls, and other threads run at calls. The cell
    # keeps the descriptor open meanwhile.

    def sleep(self, deadline: float | None) -> bool:
        """Sleep until there may be something, without the interpreter lock; False: too late."""
        self.fileno()
        sleeper = object()
        try:
            cell: Cell | None = self._handle.open_cell
            if self._sleeper is not None:
                raise InvalidStateError(text=_IN_USE)
            self._sleeper = sleeper
            is_ready = bool(self._poll.poll(_remaining_ms(deadline)))
        finally:
            if self._sleeper is sleeper:
                self._sleeper = None
            cell = None  # noqa: F841
        return is_ready or deadline is None or time.monotonic() < deadline

    async def sleep_async(self) -> None:
        """Let the event loop do other things until there may be something."""
        import asyncio  # noqa: PLC0415  (only programs that use it pay for it)

        descriptor = self.fileno()
        loop = asyncio.get_running_loop()
        sleeper = loop.create_future()
        try:
            cell: Cell | None = self._handle.open_cell
            if self._sleeper is not None:
                raise InvalidStateError(text=_IN_USE)
            self._sleeper = sleeper
            try:
                loop.add_reader(descriptor, _wake, loop, descriptor, sleeper)
                await sleeper
            finally:
                loop.remove_reader(descriptor)
        finally:
            if self._sleeper is sleeper:
                self._sleeper = None
            cell = None  # noqa: F841
