// SPDX-License-Identifier: MIT
//! The numbers of the header; pinned for ever.

use crate::acap_result;

/// Success.
pub const ACAP_OK: acap_result = 0;

/// Nothing came within the timeout.
pub const ACAP_TIMED_OUT: acap_result = 1;

/// Ended, and all that was queued has been borrowed.
pub const ACAP_END: acap_result = 2;

/// `acap_reader_interrupt()`.
pub const ACAP_INTERRUPTED: acap_result = 3;

/// An argument that no device could satisfy.
pub const ACAP_ERROR_INVALID_ARGUMENT: acap_result = -1;
/// Memory.
pub const ACAP_ERROR_NO_MEMORY: acap_result = -2;
/// Not now: closed, ended, or in use by another thread.
pub const ACAP_ERROR_INVALID_STATE: acap_result = -3;
/// No such device, or none at all.
pub const ACAP_ERROR_NO_DEVICE: acap_result = -4;
/// Another program has it.
pub const ACAP_ERROR_DEVICE_BUSY: acap_result = -5;
/// The device went away.
pub const ACAP_ERROR_DEVICE_LOST: acap_result = -6;
/// Rate, channels or format the device cannot give.
pub const ACAP_ERROR_UNSUPPORTED_FORMAT: acap_result = -7;
/// No free buffer.
pub const ACAP_ERROR_POOL_EXHAUSTED: acap_result = -8;
/// Too many readers, buffers or bytes.
pub const ACAP_ERROR_LIMIT: acap_result = -9;
/// The host failed in another way.
pub const ACAP_ERROR_BACKEND: acap_result = -10;
/// Struct_size.
pub const ACAP_ERROR_ABI_MISMATCH: acap_result = -11;
/// This process is a fork of the one that used acap.
pub const ACAP_ERROR_FORKED: acap_result = -12;
/// The host did not answer within the deadline.
pub const ACAP_ERROR_HOST_STUCK: acap_result = -13;
/// The system refused access.
pub const ACAP_ERROR_PERMISSION: acap_result = -14;

/// Signed 16 bits, native endian.
pub const ACAP_FORMAT_S16: u32 = 1;
/// Signed 24 bits packed in 3 bytes, native endian.
pub const ACAP_FORMAT_S24: u32 = 2;
/// Signed 32 bits, native endian.
pub const ACAP_FORMAT_S32: u32 = 3;
/// 32-bit float, full scale 1.0.
pub const ACAP_FORMAT_F32: u32 = 4;
/// Unsigned 8 bits, silence is 128.
pub const ACAP_FORMAT_U8: u32 = 5;

/// What NULL opens.
pub const ACAP_DEVICE_DEFAULT: u32 = 1;
/// Captures what is being played.
pub const ACAP_DEVICE_LOOPBACK: u32 = 2;
/// Could not be asked afresh: a stream is running.
pub const ACAP_DEVICE_STALE: u32 = 4;

/// Frames were lost by the stream just before.
pub const ACAP_BUFFER_GAP: u32 = 1;
/// The host said that it lost some.
pub const ACAP_BUFFER_HOST_OVERFLOW: u32 = 2;
/// Fewer frames than frames_per_buffer.
pub const ACAP_BUFFER_PARTIAL: u32 = 4;
/// Every sample is digital silence.
pub const ACAP_BUFFER_SILENT: u32 = 8;
/// First after the device came back.
pub const ACAP_BUFFER_RECOVERED: u32 = 16;

/// `acap_pool_config.flags`: lock the pool into RAM.
pub const ACAP_POOL_LOCK_MEMORY: u32 = 1;

/// Channel c begins at data + c * plane_stride_bytes.
pub const ACAP_STREAM_PLANAR: u32 = 1;
/// Lock the stream's pool into RAM.
pub const ACAP_STREAM_LOCK_MEMORY: u32 = 2;

/// Readers get `ACAP_ERROR_DEVICE_LOST` once drained.
pub const ACAP_ON_LOST_FAIL: u32 = 0;
/// Go on with the same device when it is back.
pub const ACAP_ON_LOST_WAIT: u32 = 1;
/// Go on with the default device.
pub const ACAP_ON_LOST_FOLLOW_DEFAULT: u32 = 2;

/// `acap_stream_stats.state`.
pub const ACAP_STATE_STOPPED: u32 = 0;
/// `acap_stream_stats.state`.
pub const ACAP_STATE_RUNNING: u32 = 1;
/// `acap_stream_stats.state`.
pub const ACAP_STATE_LOST: u32 = 2;

/// Stay live.
pub const ACAP_OVERFLOW_DROP_OLDEST: u32 = 0;
/// Keep what is queued.
pub const ACAP_OVERFLOW_DROP_NEWEST: u32 = 1;

/// A timeout_ns.
pub const ACAP_WAIT_FOREVER: i64 = -1;

/// No callback for max(3 periods, 250 ms).
pub const ACAP_EVENT_STREAM_STALLED: u32 = 1;
/// No callback for 2 s (5 s before the first, never less than 3 periods), or the host gave up;
/// a "push:" stream never is.
pub const ACAP_EVENT_STREAM_LOST: u32 = 2;
/// The device is back; frames: the gap.
pub const ACAP_EVENT_STREAM_RECOVERED: u32 = 3;
/// A device came or went: list them again.
pub const ACAP_EVENT_DEVICES_CHANGED: u32 = 4;
/// The stream lost frames; position: where it was found; frames.
pub const ACAP_EVENT_FRAMES_LOST: u32 = 5;
/// A call into the sound system did not return and was left behind.
pub const ACAP_EVENT_HOST_STUCK: u32 = 6;
/// 5 s of digital silence.
pub const ACAP_EVENT_SUSPECT_SILENCE: u32 = 7;
/// Few buffers are free, and the pool cannot or may not grow.
pub const ACAP_EVENT_POOL_LOW: u32 = 8;
/// What ALSA, JACK and PortAudio would have printed.
pub const ACAP_EVENT_LOG: u32 = 9;

/// `acap_event.level`.
pub const ACAP_LEVEL_ERROR: u32 = 1;
/// `acap_event.level`.
pub const ACAP_LEVEL_WARNING: u32 = 2;
/// `acap_event.level`.
pub const ACAP_LEVEL_INFO: u32 = 3;

/// Smallest sample_rate_hz.
pub const ACAP_MIN_SAMPLE_RATE_HZ: u32 = 8000;

/// Largest sample_rate_hz.
pub const ACAP_MAX_SAMPLE_RATE_HZ: u32 = 384_000;
/// Largest channel_count.
pub const ACAP_MAX_CHANNELS: u32 = 128;
/// Largest frames_per_buffer.
pub const ACAP_MAX_FRAMES_PER_BUFFER: u32 = 1_048_576;
/// Readers open on one stream at once.
pub const ACAP_MAX_READERS: u32 = 64;
/// Largest queue_buffers and hold_buffers.
pub const ACAP_MAX_QUEUE_BUFFERS: u32 = 65_536;
/// Buffers in one pool.
pub const ACAP_MAX_POOL_BUFFERS: u32 = 1_048_576;
/// Bytes in one buffer.
pub const ACAP_MAX_BUFFER_BYTES: u32 = 268_435_456;

/// Changes with the ABI; the soname has it.
pub const ACAP_VERSION_MAJOR: u32 = 0;
/// More than before, and nothing less.
pub const ACAP_VERSION_MINOR: u32 = 1;
/// The same, better.
pub const ACAP_VERSION_PATCH: u32 = 0;
/// Major << 16 | minor << 8 | patch of the header that this crate declares; compare with
/// [`acap_version`](crate::acap_version), which is that of the library that runs.
pub const ACAP_VERSION: u32 =
    ACAP_VERSION_MAJOR << 16 | ACAP_VERSION_MINOR << 8 | ACAP_VERSION_PATCH;
