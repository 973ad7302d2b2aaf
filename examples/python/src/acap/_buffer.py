# SPDX-License-Identifier: MIT
"""Borrowed buffers."""

from __future__ import annotations

import ctypes
import sys
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from . import _library
from ._errors import InvalidStateError, ReleasedError, check
from ._exporter import RELEASED, Exporter, view_of
from ._handle import Spent
from ._holds import ClaimedError, own
from ._types import BufferFlags, Format, Levels

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ._handle import OwnedBuffer

_TIME_UNKNOWN_NS = 2**63 - 1
_TYPE_LETTERS = {"h": "i2", "B": "u1", "i": "i4", "f": "f4"}


class Buffer(Exporter):
    """A run of consecutive frames that was captured once and copied for nobody.

    Readers and pools make them. ``memoryview(buffer)`` and ``numpy.asarray(buffer)`` look at the
    very memory that was captured into: read-only, frames x channels, with the right strides where
    it is planar. S24 is frames x channels x 3 bytes, since neither has a 24-bit type.

    `release` gives the buffer back, and is a BufferError while views or arrays look at it. Leaving
    a ``with`` block gives it back too, but if somebody still looks, only when the last one stops.
    Forgotten, the garbage collector gives it back. What the header says stays readable.
    """

    __slots__ = ("__weakref__", "_address", "_header", "_is_released", "_writable")

    def __init__(self, reference: OwnedBuffer) -> None:
        address = reference.value
        if address is None:
            raise ClaimedError
        header = _library.BufferHeader.from_buffer_copy(_library.BufferHeader.from_address(address))
        self._address = address
        self._header = header
        self._is_released = False
        self._writable: weakref.ref[memoryview] | None = None
        self._view = view_of(
            header.data,
            header.format,
            header.frame_count,
            header.channel_count,
            header.plane_stride_bytes,
            header.size_bytes,
        )
        own(self._view, address, reference)

    # ---- giving back ----

    def release(self) -> None:
        """Give the buffer back.

        Raises
        ------
        BufferError
            A memoryview or an array still looks at it.
        ReleasedError
            It was given back already.
        """
        if self._is_released:
            raise ReleasedError
        writable = self._writable() if self._writable is not None else None
        try:
            if writable is not None:
                writable.release()
            self._view.release()
        except BufferError:
            raise BufferError("a memoryview or an array still looks at this buffer") from None
        # No call from here on, and so neither a signal handler nor another thread.
        if self._is_released:
            raise ReleasedError
        self._is_released = True
        self._view = RELEASED  # the view goes, and gives the buffer back

    @property
    def released(self) -> bool:
        """Whether this object has given the buffer back, or left it to those who still look."""
        return self._is_released

    def __enter__(self) -> Self:
        if self._is_released:
            raise ReleasedError
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_released:
            return
        try:
            self.release()
        except BufferError:
            self._is_released = True
            self._view = RELEASED

    def retain(self) -> Buffer:
        """Make another Buffer of the same memory, to be released on its own."""
        with self._still_held():
            reference = _library.buffer_retain(self._address)
        if reference.value is None:
            raise ReleasedError
        buffer = Buffer(reference)
        reference.__class__ = Spent
        return buffer

    @property
    def reference_count(self) -> int:
        """References at this moment, those of other readers included; for tests and debugging."""
        with self._still_held():
            return int(_library.buffer_reference_count(self._address))

    # ---- data ----

    def writable(self) -> memoryview:
        """Look at the memory for writing, as the only holder.

        As long as the view lives it counts as a holder itself.

        Raises
        ------
        InvalidStateError
            Somebody else has a reference too.
        """
        header = self._header
        with self._still_held():
            data = _library.buffer_writable_data(self._address)
            if data is None:
                raise InvalidStateError(text="only the only holder of a buffer may write to it")
            view = view_of(
                data,
                header.format,
                header.frame_count,
                header.channel_count,
                header.plane_stride_bytes,
                header.size_bytes,
                read_only=False,
            )
            reference = _library.buffer_retain(self._address)
            own(view, self._address, reference)
            reference.__class__ = Spent
        exporter = Exporter()
        exporter._view = view
        self._writable = weakref.ref(view)
        return memoryview(exporter)

    def measure(self) -> Levels:
        """Measure peak and rms of each channel, clipped and silent samples."""
        channel_count = self._header.channel_count
        peak = (ctypes.c_float * channel_count)()
        rms = (ctypes.c_float * channel_count)()
        record = _library.filled(
            _library.LevelsRecord, channel_count=channel_count, peak=peak, rms=rms
        )
        with self._still_held():
            check(_library.buffer_measure(self._address, record))
        return Levels(tuple(peak), tuple(rms), record.clipped, record.zeros)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """NumPy's older protocol, for interleaved buffers.

        NumPy itself prefers the buffer protocol and asks for this only where that is refused: a
        released buffer is then an error, and not an array of one Python object.
        """
        view = self._still_held()
        if not view.c_contiguous:
            raise AttributeError("a planar buffer has the buffer protocol only")
        order = "<" if sys.byteorder == "little" else ">"
        return {
            "version": 3,
            "shape": view.shape,
            "typestr": order + _TYPE_LETTERS[view.format],
            "data": view,
        }

    def __len__(self) -> int:
        """Frames."""
        return int(self._header.frame_count)

    # ---- header ----

    @property
    def position(self) -> int:
        """The stream's position of the first frame; frame i is position + i."""
        return int(self._header.position)

    @property
    def time_ns(self) -> int:
        """When the first frame was captured, by `acap.clock_ns`."""
        return int(self._header.time_ns)

    @property
    def time_error_ns(self) -> int | None:
        """Bound of the error of `time_ns`; None when unknown."""
        bound = int(self._header.time_error_ns)
        return None if bound == _TIME_UNKNOWN_NS else bound

    @property
    def lost_before(self) -> int:
        """Frames that the stream lost just before this buffer."""
        return int(self._header.lost_before)

    @property
    def flags(self) -> BufferFlags:
        """GAP, HOST_OVERFLOW, PARTIAL, SILENT, RECOVERED."""
        return BufferFlags(self._header.flags)

    @property
    def frame_count(self) -> int:
        """Frames."""
        return int(self._header.frame_count)

    @property
    def channel_count(self) -> int:
        """Samples in a frame."""
        return int(self._header.channel_count)

    @property
    def sample_rate_hz(self) -> int:
        """Nominal rate."""
        return int(self._header.sample_rate_hz)

    @property
    def format(self) -> Format | None:
        """What a sample is; None for a buffer that came straight from a pool."""
        number = int(self._header.format)
        return Format(number) if number else None

    @property
    def size_bytes(self) -> int:
        """Bytes of data."""
        return int(self._header.size_bytes)

    @property
    def plane_stride_bytes(self) -> int:
        """Planar: bytes from one channel to the next; 0: interleaved."""
        return int(self._header.plane_stride_bytes)

    @property
    def data_address(self) -> int:
        """Where the data is, for foreign functions; valid only until the buffer is released."""
        return int(self._header.data)

    # ---- the rest ----

    def _still_held(self) -> memoryview:
        """Keep the buffer from being released, for a ``with`` block."""
        try:
            return memoryview(self)
        except ValueError:
            raise ReleasedError from None

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Buffer cannot be copied or pickled; bytes(buffer) and numpy.array() can")

    def __repr__(self) -> str:
        if self.released:
            return f"<acap.Buffer at position {self.position}, released>"
        return f"<acap.Buffer at position {self.position}, {len(self)} x {self.channel_count}>"
