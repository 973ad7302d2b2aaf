# SPDX-License-Identifier: MIT
"""Objects of the C library that are closed exactly once, whatever comes in between."""

from __future__ import annotations

import atexit
import ctypes
import functools
import sys
import weakref
from typing import Any

from . import _library
from ._errors import InvalidStateError


class Owned(ctypes.c_void_p):
    """A pointer to an object of the C library that has to be given back once.

    Functions that make objects get one of these to write to. A KeyboardInterrupt may be raised as
    soon as such a function returns, before anything else could know of the object: this one does.
    """

    #: What gives the object back.
    destroy: Any = None

    def close(self) -> None:
        """Give the object back unless that was done."""
        address, self.value = self.value, None
        if address is not None:
            self.destroy(address)

    def __del__(self) -> None:
        self.close()


class Spent(ctypes.c_void_p):
    """The class of an `Owned` from the moment when somebody else owns the object.

    It has no finalizer: a KeyboardInterrupt that came in one would be thrown away.
    """


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


class Cell(ctypes.c_void_p):
    """An argument for the C library: whoever refers to it keeps the object open."""

    __slots__ = ()


_CLOSED = Cell()
_untrack = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyObject_GC_UnTrack", ctypes.pythonapi))


class _Hold(weakref.ref[Cell]):
    """A weak reference that calls ``acap_..._close(object, 0)``; see `_holds`."""

    __slots__ = ("handle",)

    _as_parameter_ = 0
    handle: weakref.ref[Handle]


#: By identity of the cell. Some are of cells that are gone: until their place is needed.
_holds: dict[int, _Hold] = {}
_purge_at = 64


class Handle:
    """A context, stream, reader or pool that several threads may use, and one may close.

    The library asks that nothing else uses an object while it is being closed. A call refers to the
    cell for as long as it lasts, since that is one of its arguments; closing puts another cell in
    the handle, which every function refuses, and the object goes when the last who refers to the
    old one has gone. There is no count to keep, which an exception from a signal handler could
    leave wrong, and no line of Python runs when the object goes.

    A local variable that refers to a cell has to be emptied in a ``finally``: tracebacks keep it.

    Parameters
    ----------
    owned
        The object, which is taken out of it.
    """

    __slots__ = ("__weakref__", "cell")

    def __init__(self, owned: Owned) -> None:
        address = owned.value
        cell = Cell(address)
        # The collector calls weak references to garbage before the finalizers in that garbage,
        # which may still use the object. What it does not see goes when its handle goes.
        _untrack(cell)
        destroy = functools.partial(owned.destroy, address)
        this = weakref.ref(self)
        identity = id(cell)
        if len(_holds) >= _purge_at:
            _purge()
        hold = _Hold(cell, destroy)
        # Signal handlers and other threads run at calls only, and from here on is none: the object
        # has one owner, whatever happens.
        hold.handle = this
        _holds[identity] = hold
        owned.value = None
        owned.__class__ = Spent  # type: ignore[assignment]
        self.cell = cell

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self.cell is _CLOSED

    @property
    def open_cell(self) -> Cell:
        """The cell; an InvalidStateError when closed."""
        cell = self.cell
        if cell is _CLOSED:
            raise InvalidStateError(text="this object was closed")
        return cell

    def close(self) -> None:
        """Close, now or when the last call is out. Closing twice does nothing."""
        self.cell = _CLOSED


def _purge() -> None:
    global _purge_at  # noqa: PLW0603
    for identity, hold in list(_holds.items()):
        is_gone = hold() is None
        if is_gone and _holds.get(identity) is hold:
            del _holds[identity]
    _purge_at = 64 + 2 * len(_holds)


def _on_exit() -> None:
    """Close what is not in use, the youngest first. Only daemon threads can be in a call now."""
    unused = Handle(OwnedPool())
    count = sys.getrefcount(unused.cell)  # what it takes to count is in it
    for hold in reversed(list(_holds.values())):
        handle = hold.handle()
        if handle is not None and sys.getrefcount(handle.cell) <= count:
            handle.close()


atexit.register(_on_exit)
