# SPDX-License-Identifier: MIT
"""Enumerations, configurations and figures."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from ._pool import Pool


class _Open(enum.IntEnum):
    """Numbers of which a newer library may know more."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


class Format(_Open):
    """What a sample is; native endian."""

    S16 = 1
    """Signed 16 bits."""
    S24 = 2
    """Signed 24 bits packed in 3 bytes."""
    S32 = 3
    """Signed 32 bits."""
    F32 = 4
    """32-bit float, full scale 1.0."""
    U8 = 5
    """Unsigned 8 bits, silence is 128."""


class OnDeviceLost(_Open):
    """What happens when the device goes away."""

    FAIL = 0
    """Readers get a `DeviceLostError` once drained."""
    WAIT = 1
    """Go on with the same device when it is back."""
    FOLLOW_DEFAULT = 2
    """Go on with the default device."""


class Overflow(_Open):
    """What a full queue does."""

    DROP_OLDEST = 0
    """Stay live."""
    DROP_NEWEST = 1
    """Keep what is queued."""


class StreamState(_Open):
    """What a stream is doing."""

    STOPPED = 0
    RUNNING = 1
    LOST = 2


class EventType(_Open):
    """What happened."""

    STREAM_STALLED = 1
    STREAM_LOST = 2
    STREAM_RECOVERED = 3
    DEVICES_CHANGED = 4
    FRAMES_LOST = 5
    HOST_STUCK = 6
    SUSPECT_SILENCE = 7
    POOL_LOW = 8
    LOG = 9


class Level(_Open):
    """How bad it is."""

    ERROR = 1
    WARNING = 2
    INFO = 3


class DeviceFlags(enum.IntFlag):
    """What is special about a device."""

    DEFAULT = 1
    """What opens when no device is named."""
    LOOPBACK = 2
    """Captures what is being played."""
    STALE = 4
    """Could not be asked afresh: a stream is running."""


class BufferFlags(enum.IntFlag):
    """What is special about a buffer."""

    GAP = 1
    """Frames were lost by the stream just before."""
    HOST_OVERFLOW = 2
    """The host said that it lost some."""
    PARTIAL = 4
    """Fewer frames than frames_per_buffer."""
    SILENT = 8
    """Every sample is digital silence."""
    RECOVERED = 16
    """First after the device came back."""


class StreamFlags(enum.IntFlag):
    """How a stream was opened."""

    PLANAR = 1
    LOCK_MEMORY = 2


class PoolFlags(enum.IntFlag):
    """How a pool was made."""

    LOCK_MEMORY = 1


# ---- configurations: zero, None and False mean "the default" ----


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """How a device is opened.

    Parameters
    ----------
    device
        An id, a unique part of a name, ``"sim:..."``, ``"push:"``, or None: the environment's
        ACAP_DEVICE, else the default input.
    sample_rate_hz
        0: 48000 when the device can, else its own default.
    channel_count
        0: at most 2.
    format
        What a sample is.
    frames_per_buffer
        0: 10 ms. A buffer has exactly so many, fewer only where its flags say PARTIAL.
    planar
        One channel after the other instead of interleaved.
    lock_memory
        Lock the stream's pool into RAM.
    pool_buffers_min, pool_buffers_max
        Limits of the stream's own pool.
    latency_ns
        Asked of the device; 0: what is safe for a recorder.
    pool
        A pool to share with other streams; None: the stream's own.
    on_device_lost
        What happens when the device goes away.
    history_ns
        How much of the past stays borrowable for new readers.
    """

    device: str | None = None
    sample_rate_hz: int = 0
    channel_count: int = 0
    format: Format = Format.F32
    frames_per_buffer: int = 0
    planar: bool = False
    lock_memory: bool = False
    pool_buffers_min: int = 0
    pool_buffers_max: int = 0
    latency_ns: int = 0
    pool: Pool | None = None
    on_device_lost: OnDeviceLost = OnDeviceLost.FAIL
    history_ns: int = 0


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """How a reader is opened.

    Parameters
    ----------
    queue_buffers
        Most that wait for it; 0: about 500 ms.
    overflow
        What a full queue does.
    wake_buffers
        A sleeping borrow wakes only when so many are queued; 0: 1.
    hold_buffers
        How many this consumer will keep at once; 0: queue_buffers.
    preroll_ns
        Start so far in the past, or as far as the stream's history goes.
    name
        For reports; None: "reader".
    """

    queue_buffers: int = 0
    overflow: Overflow = Overflow.DROP_OLDEST
    wake_buffers: int = 0
    hold_buffers: int = 0
    preroll_ns: int = 0
    name: str | None = None


# ---- figures ----


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One capture device."""

    id: str
    """Opens it; stable across runs and re-plugging where the host allows."""
    name: str
    """For people."""
    host_api: str
    """ALSA, JACK Audio Connection Kit, ..."""
    max_channel_count: int
    default_sample_rate_hz: int
    low_latency_ns: int
    high_latency_ns: int
    flags: DeviceFlags


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What was really opened."""

    sample_rate_hz: int
    channel_count: int
    format: Format
    frames_per_buffer: int
    flags: StreamFlags
    latency_ns: int
    """By the host's word; 0: unknown."""
    stream_id: int
    """Unique in the process, from 1."""
    device_id: str
    """Opens the same device again."""
    backend: str


@dataclass(frozen=True, slots=True)
class StreamStats:
    """A stream's figures.

    In every snapshot position == frames_captured + frames_lost and
    frames_lost == lost_pool + lost_host.
    """

    state: StreamState
    realtime: bool
    """The audio thread runs in a real-time class."""
    position: int
    frames_captured: int
    frames_lost: int
    lost_pool: int
    """Lost because no buffer was free."""
    lost_host: int
    """Never handed over by the host."""
    frames_pending: int
    """In the buffer that is being filled."""
    callbacks: int
    host_overflows: int
    buffers_filled: int
    recoveries: int
    callback_ns_max: int
    callback_ns_total: int
    measured_rate_hz: float
    """The device's real rate; 0 until known."""


@dataclass(frozen=True, slots=True)
class ReaderStats:
    """A reader's figures.

    In every snapshot start_position + frames_delivered + frames_lost + frames_queued ==
    end_position and frames_lost == lost_stream + lost_queue.
    """

    queued_buffers: int
    queued_buffers_peak: int
    start_position: int
    end_position: int
    buffers_delivered: int
    frames_delivered: int
    frames_queued: int
    frames_lost: int
    lost_stream: int
    """Lost by the stream while this reader was open."""
    lost_queue: int
    """Lost because this reader's queue was full."""
    latency_ns_p50: int
    """Capture to borrow, median, within 7 %."""
    latency_ns_p99: int
    latency_ns_max: int


@dataclass(frozen=True, slots=True)
class PoolStats:
    """A pool's figures. In every snapshot acquired == released + in_use."""

    capacity: int
    free_buffers: int
    in_use: int
    in_use_peak: int
    buffers_min: int
    buffers_max: int
    grown: int
    acquired: int
    recycled: int
    exhausted: int
    released: int
    rejected_releases: int
    memory_bytes: int
    oldest_held_ns: int
    """Age of the longest outstanding buffer; 0: none is out."""
    hit_rate: float


@dataclass(frozen=True, slots=True)
class Levels:
    """What `Buffer.measure` found."""

    peak: tuple[float, ...]
    """Largest magnitude of each channel, 1.0 = full scale."""
    rms: tuple[float, ...]
    """Root of the mean square of each channel."""
    clipped: int
    """Samples at or beyond full scale."""
    zeros: int
    """Samples that are digital silence."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a program may want to know of."""

    type: EventType
    level: Level
    stream_id: int
    """`StreamInfo.stream_id`; 0 where no stream is meant."""
    position: int
    """FRAMES_LOST: where it was found; others: the stream's position."""
    frames: int
    """FRAMES_LOST, STREAM_RECOVERED: how many."""
    events_lost: int
    """Discarded just before this one because nobody took them."""
    time_ns: int
    text: str
    """For people."""
