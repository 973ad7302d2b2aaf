# SPDX-License-Identifier: MIT
"""acap: audio capture that hands buffers on without copying and never hides a loss.

>>> import acap
>>> device = "sim:counter?period=480&pace=manual"
>>> with acap.Context() as context, context.open_stream(device) as stream:
...     reader = stream.open_reader()
...     stream.start()
...     stream.sim_advance(960)
...     stream.stop()
...     for buffer in reader:
...         with buffer:
...             print(buffer.position, memoryview(buffer).shape)
0 (480, 2)
480 (480, 2)
"""

from . import _library
from ._buffer import Buffer
from ._context import Context
from ._errors import (
    AbiMismatchError,
    AcapError,
    AccessError,
    BackendError,
    DeviceBusyError,
    DeviceLostError,
    End,
    ForkedError,
    HostStuckError,
    Interrupted,
    InvalidArgumentError,
    InvalidStateError,
    LimitError,
    NoBufferError,
    NoDeviceError,
    NoMemoryError,
    PoolExhaustedError,
    ReleasedError,
    TimedOut,
    UnsupportedFormatError,
)
from ._pool import Pool
from ._reader import Reader
from ._stream import Stream
from ._types import (
    BufferFlags,
    DeviceFlags,
    DeviceInfo,
    Event,
    EventType,
    Format,
    Level,
    Levels,
    OnDeviceLost,
    Overflow,
    PoolFlags,
    PoolStats,
    ReaderConfig,
    ReaderStats,
    StreamConfig,
    StreamFlags,
    StreamInfo,
    StreamState,
    StreamStats,
)

__all__ = [
    "AbiMismatchError",
    "AcapError",
    "AccessError",
    "BackendError",
    "Buffer",
    "BufferFlags",
    "Context",
    "DeviceBusyError",
    "DeviceFlags",
    "DeviceInfo",
    "DeviceLostError",
    "End",
    "Event",
    "EventType",
    "ForkedError",
    "Format",
    "HostStuckError",
    "Interrupted",
    "InvalidArgumentError",
    "InvalidStateError",
    "Level",
    "Levels",
    "LimitError",
    "NoBufferError",
    "NoDeviceError",
    "NoMemoryError",
    "OnDeviceLost",
    "Overflow",
    "Pool",
    "PoolExhaustedError",
    "PoolFlags",
    "PoolStats",
    "Reader",
    "ReaderConfig",
    "ReaderStats",
    "ReleasedError",
    "Stream",
    "StreamConfig",
    "StreamFlags",
    "StreamInfo",
    "StreamState",
    "StreamStats",
    "TimedOut",
    "UnsupportedFormatError",
    "clock_ns",
    "format_bytes",
    "version",
    "version_string",
]


def clock_ns() -> int:
    """Read the clock of every ``time_ns``: CLOCK_MONOTONIC on Linux."""
    return int(_library.clock_ns())


def format_bytes(sample_format: Format) -> int:
    """Give the bytes of one sample of one channel; 0 for an unknown format."""
    return int(_library.format_bytes(sample_format))


def version() -> int:
    """Give the version of the library that runs: major << 16 | minor << 8 | patch."""
    return int(_library.version())


def version_string() -> str:
    """Give the version of the library that runs, as text."""
    return str(_library.version_string().decode())
