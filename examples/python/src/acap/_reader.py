# SPDX-License-Identifier: MIT
"""Readers: the consumers of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _library
from ._buffer import Buffer
from ._errors import End, InvalidStateError, TimedOut, check, fail
from ._handle import Handle, OwnedBuffer, OwnedReader
from ._holds import ClaimedError
from ._types import ReaderConfig, ReaderStats
from ._wait import WaitHandle, deadline_after

if TYPE_CHECKING:
    from typing import Self

    from ._stream import Stream

#: An ``async for`` lets other tasks run after so many buffers that it did not have to wait for.
_UNWAITED_MAX = 64


class Reader:
    """One consumer of a stream: an iterator of its buffers, for one thread or task at a time.

    ``for buffer in reader`` and ``async for buffer in reader`` end when the stream is stopped or
    closed, or the reader is ended, and all that was queued has been borrowed. `Stream.open_reader`
    makes readers.
    """

    def __init__(self, stream: Stream, config: ReaderConfig) -> None:
        if not isinstance(config, ReaderConfig):
            raise TypeError(
                f"a reader's config must be a ReaderConfig, not {type(config).__name__}"
            )
        record = _library.filled(
            _library.ReaderConfigRecord,
            queue_buffers=config.queue_buffers,
            overflow=config.overflow,
            wake_buffers=config.wake_buffers,
            hold_buffers=config.hold_buffers,
            preroll_ns=config.preroll_ns,
            name=_library.from_text("name", config.name),
        )
        out = OwnedReader()
        check(_library.reader_open(stream._handle.open_cell, record, out))
        self._stream = stream
        self._handle = Handle(out)
        self._wait = WaitHandle(self._handle, _library.reader_get_wait_handle)
        self._borrowed = OwnedBuffer()
        self._unwaited = 0

    @property
    def stream(self) -> Stream:
        """The stream that it reads, which lives at least as long as the reader."""
        return self._stream

    # ---- borrowing ----

    def try_borrow(self) -> Buffer | None:
        """Borrow the next buffer if there is one, without waiting.

        Raises
        ------
        End, Interrupted, DeviceLostError
        """
        borrowed = self._borrowed
        while True:
            # After a KeyboardInterrupt in the middle of this the buffer is still here.
            if borrowed.value is None:
                result = _library.reader_borrow(self._handle.cell, 0, borrowed)
                if result == _library.TIMED_OUT:
                    return None
                if result != _library.OK:
                    fail(result, self._handle)
            try:
                return Buffer(borrowed)
            except ClaimedError:
                continue  # a signal handler borrowed it

    def borrow(self, timeout: float | None = None) -> Buffer:
        """Borrow the next buffer.

        Parameters
        ----------
        timeout
            Seconds; 0 returns at once, None waits for as long as it takes. Ctrl-C ends the wait.

        Raises
        ------
        TimedOut, End, Interrupted, DeviceLostError
        """
        deadline = deadline_after(timeout)
        is_in_time = timeout != 0
        while (buffer := self.try_borrow()) is None:
            if not is_in_time:
                raise TimedOut
            is_in_time = self._wait.sleep(deadline)
        return buffer

    async def borrow_async(self) -> Buffer:
        """Borrow the next buffer; other tasks run meanwhile. No thread is involved.

        Raises
        ------
        End, Interrupted, DeviceLostError
        """
        if self._unwaited >= _UNWAITED_MAX:
            import asyncio  # noqa: PLC0415

            self._unwaited = 0
            await asyncio.sleep(0)
        while (buffer := self.try_borrow()) is None:
            self._unwaited = 0
            await self._wait.sleep_async()
        self._unwaited += 1
        return buffer

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Buffer:
        try:
            return self.borrow()
        except End:
            raise StopIteration from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        try:
            return await self.borrow_async()
        except End:
            raise StopAsyncIteration from None

    # ---- ending, from any thread and from signal handlers ----

    def interrupt(self) -> None:
        """Make the current or the next borrow raise `Interrupted`, once."""
        result = _library.reader_interrupt(self._handle.cell)
        if result != _library.OK:
            fail(result, self._handle)

    def end(self) -> None:
        """Let it get no more buffers; what is queued can still be borrowed."""
        result = _library.reader_end(self._handle.cell)
        if result != _library.OK:
            fail(result, self._handle)

    # ---- the rest ----

    def fileno(self) -> int:
        """Give the wait handle, for ``select``, ``selectors`` and event loops.

        Readable means: call `try_borrow` until it returns None. Never read, write or close it.
        """
        return self._wait.fileno()

    @property
    def stats(self) -> ReaderStats:
        """The reader's figures now."""
        record = _library.blank(_library.ReaderStatsRecord)
        result = _library.reader_get_stats(self._handle.cell, record)
        if result != _library.OK:
            fail(result, self._handle)
        return ReaderStats(
            **{name: getattr(record, name) for name in ReaderStats.__dataclass_fields__}
        )

    def close(self) -> None:
        """Close it; what is queued goes back to the pool, what was borrowed stays valid.

        Whoever waits in another thread or task wakes with an `InvalidStateError`.
        """
        if not self._handle.is_closed:
            _library.reader_end(self._handle.cell)
        self._handle.close()
        self._borrowed.close()

    def __enter__(self) -> Self:
        if self._handle.is_closed:
            raise InvalidStateError(text="this object was closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
