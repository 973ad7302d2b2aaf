# SPDX-License-Identifier: MIT
"""Pools of buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _library
from ._buffer import Buffer
from ._errors import InvalidStateError, check, fail
from ._handle import Handle, OwnedBuffer, OwnedPool, Spent
from ._types import PoolFlags, PoolStats

if TYPE_CHECKING:
    from typing import Self


class Pool:
    """The owner of buffers: a stream's own, or one to share between streams or to use alone.

    Parameters
    ----------
    buffer_size_bytes
        Bytes of each buffer's data.
    buffers_min
        Allocated at once; 0: 16, or buffers_max.
    buffers_max
        The pool never grows beyond it; 0: no limit but the library's.
    lock_memory
        Lock the pool into RAM.
    """

    def __init__(
        self,
        buffer_size_bytes: int,
        buffers_min: int = 0,
        buffers_max: int = 0,
        *,
        lock_memory: bool = False,
    ) -> None:
        config = _library.filled(
            _library.PoolConfigRecord,
            flags=PoolFlags.LOCK_MEMORY if lock_memory else 0,
            buffer_size_bytes=buffer_size_bytes,
            buffers_min=buffers_min,
            buffers_max=buffers_max,
        )
        out = OwnedPool()
        check(_library.pool_create(config, out))
        self._adopt(out)

    def _adopt(self, reference: OwnedPool) -> None:
        self._handle = Handle(reference)

    @classmethod
    def _from_reference(cls, reference: OwnedPool) -> Pool:
        pool = cls.__new__(cls)
        pool._adopt(reference)
        return pool

    def acquire(self) -> Buffer:
        """Take a free buffer; its header is empty, its memory is plain bytes.

        Raises
        ------
        PoolExhaustedError
            None is free.
        """
        out = OwnedBuffer()
        result = _library.pool_acquire(self._handle.cell, out)
        if result != _library.OK:
            fail(result, self._handle)
        buffer = Buffer(out)
        out.__class__ = Spent  # type: ignore[assignment]
        return buffer

    def retain(self) -> Pool:
        """Make another Pool object of the same pool, to be closed on its own."""
        return Pool._from_reference(_library.pool_retain(self._handle.open_cell))

    @property
    def stats(self) -> PoolStats:
        """The pool's figures now."""
        record = _library.blank(_library.PoolStatsRecord)
        check(_library.pool_get_stats(self._handle.open_cell, record))
        return PoolStats(**{name: getattr(record, name) for name in PoolStats.__dataclass_fields__})

    def close(self) -> None:
        """Give the pool back; its memory goes with the last user and the last buffer."""
        self._handle.close()

    def __enter__(self) -> Self:
        if self._handle.is_closed:
            raise InvalidStateError(text="this object was closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
