# SPDX-License-Identifier: MIT
"""Objects of the C library that are closed exactly once, whatever comes in between."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Any

from . import _library
from ._errors import InvalidStateError

if TYPE_CHECKING:
    from types import TracebackType


class Owned(ctypes.c_void_p):
    """A pointer to an object of the C library that has to be given back once.

    Functions that make objects get one of these to write to. A KeyboardInterrupt may be raised as
    soon as such a function returns, before anything else could know of the object: this one does.
    """

    #: What gives the object back.
    destroy: Any = None
    #: Left alone at the interpreter's exit: somebody still uses it.
    is_abandoned = False

    def close(self) -> None:
        """Give the object back unless that was done."""
        address, self.value = self.value, None
        if address is not None:
            self.destroy(address)

    def __del__(self) -> None:
        if not self.is_abandoned:
            self.close()


class OwnedContext(Owned):
    """An acap_context."""

    destroy = staticmethod(_library.context_destroy)


class OwnedDeviceList(Owned):
    """An acap_device_list."""

    destroy = staticmethod(_library.device_list_destroy)


class OwnedStream(Owned):
    """An acap_stream."""

    destroy = staticmethod(_library.stream_close)


class OwnedReader(Owned):
    """An acap_reader."""

    destroy = staticmethod(_library.reader_close)


class OwnedPool(Owned):
    """A reference to an acap_pool."""

    destroy = staticmethod(_library.pool_release)


class OwnedBuffer(Owned):
    """A reference to an acap_buffer."""

    destroy = staticmethod(_library.buffer_release)


# What returns a reference returns one that is owned from the start.
_library.stream_get_pool.restype = OwnedPool
_library.pool_retain.restype = OwnedPool
_library.buffer_retain.restype = OwnedBuffer


class Handle:
    """A context, stream, reader or pool that several threads may use, and one may close.

    The library asks that nothing else uses an object while it is being closed. Calls that keep the
    interpreter lock read `cell` and are over before another thread can run; a closed handle's cell
    is NULL, which every function refuses. Calls that give the lock up are made inside ``with
    handle:``; closing then happens when the last of them is out.

    Parameters
    ----------
    cell
        The object.
    """

    __slots__ = ("_calls", "_is_closing", "_lock", "cell")

    def __init__(self, cell: Owned) -> None:
        self.cell = cell
        self._lock = threading.RLock()  # a signal handler may come in between and close
        self._calls = 0
        self._is_closing = False

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closing

    def __enter__(self) -> Owned:
        with self._lock:
            if self._is_closing:
                raise InvalidStateError(text="this object was closed")
            self._calls += 1
        return self.cell

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._calls -= 1
            is_last = self._is_closing and self._calls == 0
        if is_last:
            self.cell.close()

    def close(self) -> None:
        """Close, now or when the last call is out. Closing twice does nothing."""
        with self._lock:
            self._is_closing = True
            is_idle = self._calls == 0
        if is_idle:
            self.cell.close()

    def close_if_idle(self) -> None:
        """Close unless a call is in: for finalizers.

        An object that is in use is finalized only at the interpreter's exit, under a daemon thread.
        """
        with self._lock:
            is_idle = self._calls == 0
            self.cell.is_abandoned = not is_idle
        if is_idle:
            self.close()
