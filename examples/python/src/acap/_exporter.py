# SPDX-License-Identifier: MIT
"""The buffer protocol for a Python class, without compiling anything.

An `Exporter` hands every request for its memory on to the memoryview in its ``_view``. That
memoryview then counts who looks (its ``release()`` is a BufferError as long as somebody does) and
stays alive for them. Python 3.12 has ``__buffer__`` (PEP 688) for this.

Python 3.11 has not, but it has a class in C that does the same thing: ``pickle.PickleBuffer``
hands every request on to the object that its C struct names. The class that is made here has the
very same two functions in its buffer slots (``PyType_GetSlot`` and ``PyType_FromSpecWithBases`` are
public), and a ``__slots__`` member in the place where these functions look: behind the object head,
the second pointer. Python 3.11 gets security fixes only, so that its structs will not change any
more; import fails if they should have.
"""

from __future__ import annotations

import ctypes
import functools
import pickle
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from . import _library
from ._types import Format

#: Refuses every request.
RELEASED = memoryview(b"")
RELEASED.release()


class _Slot(ctypes.Structure):
    _fields_: ClassVar = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]


class _Spec(ctypes.Structure):
    _fields_: ClassVar = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    ]


class _Layout:
    """In PickleBuffer: ``Py_buffer view``, whose second member is ``PyObject *obj``."""

    __slots__ = ("_buf", "_view")


def _make_forwarder() -> Any:
    get_slot = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_int)(
        ("PyType_GetSlot", ctypes.pythonapi)
    )
    make_type = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.POINTER(_Spec), ctypes.py_object)(
        ("PyType_FromSpecWithBases", ctypes.pythonapi)
    )
    bf_getbuffer, bf_releasebuffer, end = 1, 2, 0  # typeslots.h
    py_tpflags_basetype = 1 << 10
    slots = (_Slot * 3)(
        _Slot(bf_getbuffer, get_slot(pickle.PickleBuffer, bf_getbuffer)),
        _Slot(bf_releasebuffer, get_slot(pickle.PickleBuffer, bf_releasebuffer)),
        _Slot(end, None),
    )
    spec = _Spec(b"acap._exporter._Forwarder", 0, 0, py_tpflags_basetype, slots)
    made: Any = make_type(ctypes.byref(spec), (_Layout,))
    probe = made()
    probe._view = memoryview(b"acap")
    if memoryview(probe).tobytes() != b"acap":
        raise ImportError("this Python's PickleBuffer is not as acap knows it")
    return made


if TYPE_CHECKING or sys.version_info >= (3, 12):

    class _Forwarder:
        __slots__ = ("_view",)

else:
    _Forwarder = _make_forwarder()


class Exporter(_Forwarder):
    """An object whose memory is that of its ``_view``."""

    __slots__ = ()

    _view: memoryview

    def __buffer__(self, flags: int, /) -> memoryview:
        """Give the memory to look at (PEP 688)."""
        return self._view


# ---- views of raw memory ----


class Memory(ctypes.Structure):
    """Py_buffer."""

    _fields_: ClassVar = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    ]


_from_buffer = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.POINTER(Memory))(
    ("PyMemoryView_FromBuffer", ctypes.pythonapi)
)
#: For use in a ``try`` whose ``finally`` releases, since a signal handler's exception may come as
#: soon as the memory is held.
get_memory = ctypes.PYFUNCTYPE(
    ctypes.c_int, ctypes.py_object, ctypes.POINTER(Memory), ctypes.c_int
)(("PyObject_GetBuffer", ctypes.pythonapi))
release_memory = ctypes.PYFUNCTYPE(None, ctypes.POINTER(Memory))(
    ("PyBuffer_Release", ctypes.pythonapi)
)
#: PyBUF_C_CONTIGUOUS | PyBUF_FORMAT
CONTIGUOUS = 0x3C

#: struct format of a sample, its bytes, and the bytes of which an opaque sample is made
_ITEMS: dict[int, tuple[bytes, int, int]] = {
    1: (b"h", 2, 1),
    2: (b"B", 1, 3),
    3: (b"i", 4, 1),
    4: (b"f", 4, 1),
    5: (b"B", 1, 1),
}


@functools.lru_cache(maxsize=256)
def _template(
    sample_format: int, frames: int, channels: int, plane_stride: int, size: int, read_only: bool
) -> Memory:
    """Describe the memory of a buffer: all but where it is."""
    code, item_bytes, parts = _ITEMS.get(sample_format, (b"B", 1, 1))
    sample_bytes = item_bytes * parts
    shape, strides = [size], [1]
    if sample_format in _ITEMS:
        shape = [frames, channels]
        strides = [channels * sample_bytes, sample_bytes]
        if plane_stride:
            strides = [sample_bytes, plane_stride]
        if parts > 1:
            shape.append(parts)
            strides.append(1)
    count = len(shape)
    total = item_bytes
    for extent in shape:
        total *= extent
    numbers = ctypes.c_ssize_t * count
    return Memory(
        None, None, total, item_bytes, read_only, count, code, numbers(*shape), numbers(*strides)
    )


def view_of(
    address: int,
    sample_format: int,
    frames: int,
    channels: int,
    plane_stride: int,
    size: int,
    *,
    read_only: bool = True,
) -> memoryview:
    """Make a memoryview of a buffer's memory; the caller keeps the memory alive.

    frames x channels, and x 3 bytes for packed 24-bit samples; plain bytes without a format.
    """
    template = _template(sample_format, frames, channels, plane_stride, size, read_only)
    described = Memory.from_buffer_copy(template)
    described.buf = address
    view: memoryview = _from_buffer(described)
    return view


# ---- other people's memory ----

_LETTERS = {Format.S16: "h", Format.S32: "il", Format.F32: "f"}
_PLAIN_BYTES = "Bc"
_NATIVE_ORDER = "@=<" if sys.byteorder == "little" else "@=>!"


def check_items(memory: Memory, sample_format: Format) -> None:
    """Raise a TypeError unless the items are samples of a format, or plain bytes."""
    name = (memory.format or b"B").decode("ascii", "replace")
    letter = name[1:] if name[:1] in _NATIVE_ORDER else name
    if len(letter) == 1:
        is_sample = letter in _LETTERS.get(sample_format, "")
        if is_sample and memory.itemsize == _library.format_bytes(sample_format):
            return
        if letter in _PLAIN_BYTES:
            return
    raise TypeError(
        f"items of format '{name}' ({memory.itemsize} bytes) are neither {sample_format.name} nor "
        "plain bytes"
    )
