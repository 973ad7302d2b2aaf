# SPDX-License-Identifier: MIT
"""Streams: opened devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _library
from ._errors import InvalidArgumentError, InvalidStateError, check, fail
from ._exporter import CONTIGUOUS, Memory, check_items, get_memory, release_memory
from ._handle import Handle, OwnedStream
from ._pool import Pool
from ._reader import Reader
from ._types import (
    Format,
    ReaderConfig,
    StreamConfig,
    StreamFlags,
    StreamInfo,
    StreamState,
    StreamStats,
)

if TYPE_CHECKING:
    from typing import Self

    from ._context import Context


def make_record(config: StreamConfig) -> Any:
    """Make the C struct of a configuration."""
    flags = StreamFlags(0)
    if config.planar:
        flags |= StreamFlags.PLANAR
    if config.lock_memory:
        flags |= StreamFlags.LOCK_MEMORY
    if not isinstance(config.pool, Pool | None):
        raise TypeError(f"pool must be a Pool, not {type(config.pool).__name__}")
    return _library.filled(
        _library.StreamConfigRecord,
        flags=int(flags),
        device=_library.from_text("device", config.device),
        sample_rate_hz=config.sample_rate_hz,
        channel_count=config.channel_count,
        format=config.format,
        frames_per_buffer=config.frames_per_buffer,
        pool_buffers_min=config.pool_buffers_min,
        pool_buffers_max=config.pool_buffers_max,
        latency_ns=config.latency_ns,
        on_device_lost=config.on_device_lost,
        history_ns=config.history_ns,
    )


class Stream:
    """One opened device. `Context.open_stream` makes streams."""

    def __init__(self, context: Context, config: StreamConfig) -> None:
        record = make_record(config)
        out = OwnedStream()
        try:
            pool = config.pool._handle.open_cell if config.pool is not None else None
            record.pool = pool.value if pool is not None else None
            check(_library.stream_open(context._handle.open_cell, record, out))
        finally:
            pool = None
        self._context = context
        self._handle = Handle(out)
        info = self.info
        self._format = info.format
        self._frame_bytes = info.channel_count * _library.format_bytes(info.format)

    @property
    def context(self) -> Context:
        """The context that it was opened in, which lives at least as long as the stream."""
        return self._context

    def open_reader(self, config: ReaderConfig | None = None) -> Reader:
        """Open a reader, whether the stream runs or not."""
        return Reader(self, ReaderConfig() if config is None else config)

    def start(self) -> None:
        """Start capturing. After a stop positions go on and the same readers continue."""
        check(_library.stream_start(self._handle.open_cell))

    def stop(self) -> None:
        """Stop capturing. What was captured can still be borrowed; then iteration ends."""
        check(_library.stream_stop(self._handle.open_cell))

    @property
    def info(self) -> StreamInfo:
        """What was really opened."""
        record = _library.blank(_library.StreamInfoRecord)
        check(_library.stream_get_info(self._handle.open_cell, record))
        return StreamInfo(
            record.sample_rate_hz,
            record.channel_count,
            Format(record.format),
            record.frames_per_buffer,
            StreamFlags(record.flags),
            record.latency_ns,
            record.stream_id,
            _library.to_text(record.device_id),
            _library.to_text(record.backend),
        )

    @property
    def stats(self) -> StreamStats:
        """The stream's figures now."""
        record = _library.blank(_library.StreamStatsRecord)
        result = _library.stream_get_stats(self._handle.cell, record)
        if result != _library.OK:
            fail(result, self._handle)
        figures = {name: getattr(record, name) for name in StreamStats.__dataclass_fields__}
        figures["state"] = StreamState(record.state)
        figures["realtime"] = bool(record.realtime)
        return StreamStats(**figures)

    @property
    def pool(self) -> Pool:
        """The pool that it fills."""
        reference = _library.stream_get_pool(self._handle.cell)
        if reference.value is None:
            raise InvalidStateError(text="this object was closed")
        return Pool._from_reference(reference)

    def push(self, frames: object, time_ns: int = 0) -> None:
        """Feed a "push:" stream: the caller is the device.

        Parameters
        ----------
        frames
            Interleaved frames: an array or memoryview of the stream's format, or plain bytes that
            are such frames. A TypeError for items of another format, a BufferError or ValueError
            unless contiguous.
        time_ns
            When the first frame was captured, by `acap.clock_ns`; 0: now.
        """
        memory = Memory()
        try:
            get_memory(frames, memory, CONTIGUOUS)
            check_items(memory, self._format)
            count, rest = divmod(memory.len, self._frame_bytes)
            if rest:
                raise InvalidArgumentError(
                    text=f"{memory.len} bytes are no whole frames of {self._frame_bytes} bytes"
                )
            if count:
                self._push(memory.buf, count, time_ns)
        finally:
            release_memory(memory)  # does nothing when nothing was got

    def push_lost(self, frame_count: int, time_ns: int = 0) -> None:
        """Tell a "push:" stream that frames were lost."""
        self._push(None, frame_count, time_ns)

    def _push(self, address: int | None, frame_count: int, time_ns: int) -> None:
        count = _library.fit("frame_count", frame_count, 32)
        result = _library.stream_push(self._handle.cell, address, count, time_ns)
        if result != _library.OK:
            fail(result, self._handle)

    def sim_advance(self, frame_count: int) -> None:
        """Let a "sim:" stream with ``pace=manual`` capture, in virtual time."""
        count = _library.fit("frame_count", frame_count, 64)
        check(_library.stream_sim_advance(self._handle.open_cell, count))

    def close(self) -> None:
        """Close it and end its readers. Never waits for the sound system."""
        self._handle.close()

    def __enter__(self) -> Self:
        if self._handle.is_closed:
            raise InvalidStateError(text="this object was closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
