# SPDX-License-Identifier: MIT
"""Which view owns which reference to a buffer, and how the reference goes back.

A memoryview of a buffer's memory owns one reference: whoever keeps the view alive, a Buffer, an
array or another view, keeps the memory valid. When the view goes, a weak reference to it calls the
C library's release. No line of Python runs then: a KeyboardInterrupt in a Python finalizer would be
thrown away, and the finalizer with it, which is why this is no ``weakref.finalize``.

The garbage collector must not see views in the circles that it breaks. It calls the weak reference
first, and whatever runs afterwards could look at memory that has gone back; and before Python
3.12.7 (python/cpython issue 77894, never fixed in 3.11) it crashes when it clears a view before
those who look at it. So there is one more reference to each view while a collection runs: views
are never garbage, and go as soon as those who looked have gone.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import weakref
from typing import TYPE_CHECKING, Any

from . import _library

if TYPE_CHECKING:
    from ._handle import OwnedBuffer


class ClaimedError(Exception):
    """Somebody else has taken the reference out of the cell meanwhile."""


class _Hold(weakref.ref[memoryview]):
    """A weak reference that calls ``acap_buffer_release(buffer, 0)``.

    A callback gets the weak reference as its last argument. ctypes passes what C does not look at,
    but wants to know what to pass.
    """

    __slots__ = ()
    _as_parameter_ = 0


#: By identity of the view. Some are of views that are gone: until their place is needed.
_holds: dict[int, _Hold] = {}
_purge_at = 64
_pinned: list[memoryview] = []
_is_collecting = False
_are_pinned = False


def own(view: memoryview, address: int, reference: OwnedBuffer) -> None:
    """Move the reference to the buffer at an address from a cell into a view's possession.

    Raises
    ------
    ClaimedError
        It is no longer in the cell.
    """
    hold = _Hold(view, functools.partial(_library.buffer_release, address))
    identity = id(view)
    if len(_holds) >= _purge_at:
        _purge()
    if _is_collecting:  # in another thread, which may not have come to the search for garbage yet
        _pinned.append(view)
    # Signal handlers and other threads run at calls only, and from here on is none: the reference
    # has one owner, whatever happens.
    if reference.value != address:
        raise ClaimedError
    _holds[identity] = hold
    reference.value = None


def _purge() -> None:
    global _purge_at  # noqa: PLW0603
    for identity, hold in list(_holds.items()):
        is_gone = hold() is None
        if is_gone and _holds.get(identity) is hold:
            del _holds[identity]
    _purge_at = 64 + 2 * len(_holds)


def _on_collection(phase: str, _info: dict[str, int]) -> None:
    global _is_collecting, _are_pinned  # noqa: PLW0603  (there is one collector)
    if phase == "start":
        _is_collecting = True
        if _are_pinned:
            return
        for hold in list(_holds.values()):
            view = hold()
            if view is not None:
                _pinned.append(view)
        _are_pinned = True
    else:
        _is_collecting = _are_pinned = False
        _pinned.clear()


def _on_exit() -> None:
    """Give back what nobody looks at; keep the rest, which must stay readable to the very end."""
    for hold in list(_holds.values()):
        view = hold()
        if view is None:
            continue
        try:
            view.release()
        except BufferError:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(view))
            continue
        callback: Any = hold.__callback__
        if _holds.pop(id(view), None) is not None:
            callback(hold)


# Twice: a signal handler's exception in the first call is thrown away, and the call with it.
gc.callbacks += [_on_collection, _on_collection]
atexit.register(_on_exit)
