// SPDX-License-Identifier: MIT
//! The structs and handles of the header.

use core::ffi::{c_char, c_void};
use core::marker::{PhantomData, PhantomPinned};
use core::mem::size_of;
use core::ptr::{null, null_mut};

/// 0 success, positive "nothing went wrong, but there is no buffer", negative an error.
pub type acap_result = i32;

macro_rules! handles {
    ($($(#[$meta:meta])* $name:ident;)*) => { $(
        $(#[$meta])*
        ///
        /// Opaque: only the library makes them.
        #[repr(C)]
        pub struct $name {
            _data: [u8; 0],
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )* };
}

handles! {
    /// A set of streams and device lists with one default back end.
    acap_context;
    /// An immutable snapshot of the devices.
    acap_device_list;
    /// One opened device.
    acap_stream;
    /// One consumer of a stream.
    acap_reader;
    /// The owner of buffers.
    acap_pool;
}

/// How a context is made; NULL instead of it means all defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_context_config {
    /// `sizeof(acap_context_config)`.
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// "portaudio" (default), "sim" or "push": what NULL and plain device names mean. The
    /// environment's `ACAP_BACKEND` stands in for NULL.
    pub backend: *const c_char,
}

impl acap_context_config {
    /// The static initializer of the header, `ACAP_CONTEXT_CONFIG_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_context_config>()),
        flags: 0,
        backend: null(),
    };
}

/// Something that a program may want to know of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_event {
    /// `sizeof(acap_event)`.
    pub struct_size: u32,
    /// `ACAP_EVENT_*`.
    pub type_: u32,
    /// `ACAP_LEVEL_*`.
    pub level: u32,
    /// 0.
    pub reserved: u32,
    /// `acap_stream_info.stream_id`; 0 where no stream is meant.
    pub stream_id: u64,
    /// FRAMES_LOST: where it was found; others: the stream's position.
    pub position: u64,
    /// FRAMES_LOST, STREAM_RECOVERED: how many.
    pub frames: u64,
    /// Discarded just before this one because nobody took them.
    pub events_lost: u64,
    /// When, by `acap_clock_ns()`.
    pub time_ns: i64,
    /// For people.
    pub text: [c_char; 256],
}

impl acap_event {
    /// The static initializer of the header, `ACAP_EVENT_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_event>()),
        type_: 0,
        level: 0,
        reserved: 0,
        stream_id: 0,
        position: 0,
        frames: 0,
        events_lost: 0,
        time_ns: 0,
        text: [0; 256],
    };
}

/// One capture device; owned by its list, immutable. Read a member only if it lies below
/// struct_size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_device_info {
    /// Bytes that the library filled.
    pub struct_size: u32,
    /// `ACAP_DEVICE_*`.
    pub flags: u32,
    /// Opens it; stable across runs and re-plugging where the host allows:
    /// "alsa:hw:CARD=USB,DEV=0".
    pub id: *const c_char,
    /// For people.
    pub name: *const c_char,
    /// "ALSA", "JACK Audio Connection Kit", ...
    pub host_api: *const c_char,
    /// At least 1.
    pub max_channel_count: u32,
    /// What it runs at when not asked.
    pub default_sample_rate_hz: u32,
    /// Fills what would be a hole where pointers have 32 bits.
    #[cfg(target_pointer_width = "32")]
    pub reserved_32: u32,
    /// For interactive use, by the host's word.
    pub low_latency_ns: i64,
    /// For recorders, by the host's word.
    pub high_latency_ns: i64,
}

/// A run of consecutive frames; allocated by the library only. Members are only ever appended:
/// read one only if it lies below struct_size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_buffer {
    /// Bytes that the library filled.
    pub struct_size: u32,
    /// `ACAP_BUFFER_*`.
    pub flags: u32,
    /// 64-byte aligned; interleaved, or planar: channel c begins at data + c *
    /// plane_stride_bytes.
    pub data: *const c_void,
    /// Fills what would be a hole where pointers have 32 bits.
    #[cfg(target_pointer_width = "32")]
    pub reserved_32: u32,
    /// Stream position of the first frame; frame i is position + i.
    pub position: u64,
    /// When the first frame was captured, by `acap_clock_ns()`; never runs backwards.
    pub time_ns: i64,
    /// Bound of the error of time_ns; INT64_MAX when unknown.
    pub time_error_ns: i64,
    /// Frames lost by the stream just before this buffer.
    pub lost_before: u64,
    /// Frames in it.
    pub frame_count: u32,
    /// Bytes of data in it.
    pub size_bytes: u32,
    /// Nominal.
    pub sample_rate_hz: u32,
    /// Samples in a frame.
    pub channel_count: u32,
    /// `ACAP_FORMAT_*`.
    pub format: u32,
    /// Planar: bytes from one channel to the next; 0: interleaved.
    pub plane_stride_bytes: u32,
}

/// What `acap_buffer_measure()` fills.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_levels {
    /// `sizeof(acap_levels)`.
    pub struct_size: u32,
    /// In: length of the arrays, at least the buffer's channel_count.
    pub channel_count: u32,
    /// The caller's array, or NULL: largest magnitude, 1.0 = full scale.
    pub peak: *mut f32,
    /// The caller's array, or NULL: root of the mean square.
    pub rms: *mut f32,
    /// Samples at or beyond full scale.
    pub clipped: u64,
    /// Samples that are digital silence.
    pub zeros: u64,
}

impl acap_levels {
    /// The static initializer of the header, `ACAP_LEVELS_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_levels>()),
        channel_count: 0,
        peak: null_mut(),
        rms: null_mut(),
        clipped: 0,
        zeros: 0,
    };
}

/// How a pool is made.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_pool_config {
    /// `sizeof(acap_pool_config)`.
    pub struct_size: u32,
    /// `ACAP_POOL_LOCK_MEMORY`.
    pub flags: u32,
    /// Of each buffer's data; at least 1.
    pub buffer_size_bytes: u32,
    /// Allocated and touched at once; 0: 16, or buffers_max where that is less.
    pub buffers_min: u32,
    /// The pool never grows beyond it; 0: `ACAP_MAX_POOL_BUFFERS`.
    pub buffers_max: u32,
}

impl acap_pool_config {
    /// The static initializer of the header, `ACAP_POOL_CONFIG_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_pool_config>()),
        flags: 0,
        buffer_size_bytes: 0,
        buffers_min: 0,
        buffers_max: 0,
    };
}

/// A pool's figures. In every snapshot acquired == released + in_use.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_pool_stats {
    /// `sizeof(acap_pool_stats)`.
    pub struct_size: u32,
    /// Buffers that exist now.
    pub capacity: u32,
    /// Capacity - in_use.
    pub free_buffers: u32,
    /// Buffers out now.
    pub in_use: u32,
    /// Most that were out at once.
    pub in_use_peak: u32,
    /// As configured.
    pub buffers_min: u32,
    /// As configured, or the limit.
    pub buffers_max: u32,
    /// Times that the pool grew after its creation.
    pub grown: u32,
    /// Buffers taken.
    pub acquired: u64,
    /// Of these, buffers that had been used before.
    pub recycled: u64,
    /// Attempts that found none free.
    pub exhausted: u64,
    /// Buffers given back.
    pub released: u64,
    /// References given back or asked for on a free buffer.
    pub rejected_releases: u64,
    /// Bytes of data and headers.
    pub memory_bytes: u64,
    /// Age of the longest outstanding buffer; 0: none is out.
    pub oldest_held_ns: i64,
    /// Acquired / (acquired + exhausted); 1.0 before the first.
    pub hit_rate: f64,
}

impl acap_pool_stats {
    /// The static initializer of the header, `ACAP_POOL_STATS_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_pool_stats>()),
        capacity: 0,
        free_buffers: 0,
        in_use: 0,
        in_use_peak: 0,
        buffers_min: 0,
        buffers_max: 0,
        grown: 0,
        acquired: 0,
        recycled: 0,
        exhausted: 0,
        released: 0,
        rejected_releases: 0,
        memory_bytes: 0,
        oldest_held_ns: 0,
        hit_rate: 0.0,
    };
}

/// How a device is opened.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_stream_config {
    /// `sizeof(acap_stream_config)`.
    pub struct_size: u32,
    /// `ACAP_STREAM_PLANAR`, `ACAP_STREAM_LOCK_MEMORY`.
    pub flags: u32,
    /// An id, a unique part of a name, or NULL: the environment's `ACAP_DEVICE`, else the
    /// default input.
    pub device: *const c_char,
    /// Fills what would be a hole where pointers have 32 bits.
    #[cfg(target_pointer_width = "32")]
    pub reserved_32a: u32,
    /// 0: 48000 when the device can, else its own default.
    pub sample_rate_hz: u32,
    /// 0: min(2, what the device has).
    pub channel_count: u32,
    /// `ACAP_FORMAT_*`; 0: F32.
    pub format: u32,
    /// 0: 10 ms; a buffer has exactly so many, fewer only where `ACAP_BUFFER_PARTIAL` says so.
    pub frames_per_buffer: u32,
    /// 0: what history and the readers opened so far need.
    pub pool_buffers_min: u32,
    /// 0: no limit but memory; the pool grows up to it, never on the audio thread.
    pub pool_buffers_max: u32,
    /// Asked of the device; 0: what is safe for a recorder.
    pub latency_ns: i64,
    /// NULL: the stream's own; else shared with other streams, without isolation between them.
    pub pool: *mut acap_pool,
    /// `ACAP_ON_LOST_*`.
    pub on_device_lost: u32,
    /// 0.
    pub reserved: u32,
    /// Fills what would be a hole where pointers have 32 bits.
    #[cfg(target_pointer_width = "32")]
    pub reserved_32b: u32,
    /// How much of the past stays borrowable for new readers (pre-roll), in the pool, without a
    /// copy: about rate * channels * sample bytes a second; 0: none.
    pub history_ns: i64,
}

impl acap_stream_config {
    /// The static initializer of the header, `ACAP_STREAM_CONFIG_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_stream_config>()),
        flags: 0,
        device: null(),
        #[cfg(target_pointer_width = "32")]
        reserved_32a: 0,
        sample_rate_hz: 0,
        channel_count: 0,
        format: 0,
        frames_per_buffer: 0,
        pool_buffers_min: 0,
        pool_buffers_max: 0,
        latency_ns: 0,
        pool: null_mut(),
        on_device_lost: 0,
        reserved: 0,
        #[cfg(target_pointer_width = "32")]
        reserved_32b: 0,
        history_ns: 0,
    };
}

/// What was really opened.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_stream_info {
    /// `sizeof(acap_stream_info)`.
    pub struct_size: u32,
    /// Nominal.
    pub sample_rate_hz: u32,
    /// Samples in a frame.
    pub channel_count: u32,
    /// `ACAP_FORMAT_*`.
    pub format: u32,
    /// Frames in each buffer.
    pub frames_per_buffer: u32,
    /// `ACAP_STREAM_*`.
    pub flags: u32,
    /// By the host's word; 0: unknown.
    pub latency_ns: i64,
    /// Unique in the process, from 1.
    pub stream_id: u64,
    /// Opens the same device again.
    pub device_id: [c_char; 256],
    /// "portaudio", "sim" or "push".
    pub backend: [c_char; 32],
}

impl acap_stream_info {
    /// The static initializer of the header, `ACAP_STREAM_INFO_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_stream_info>()),
        sample_rate_hz: 0,
        channel_count: 0,
        format: 0,
        frames_per_buffer: 0,
        flags: 0,
        latency_ns: 0,
        stream_id: 0,
        device_id: [0; 256],
        backend: [0; 32],
    };
}

/// A stream's figures. In every snapshot position == frames_captured + frames_lost and
/// frames_lost == lost_pool + lost_host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_stream_stats {
    /// `sizeof(acap_stream_stats)`.
    pub struct_size: u32,
    /// `ACAP_STATE_*`.
    pub state: u32,
    /// 1: the audio thread runs in a real-time class.
    pub realtime: u32,
    /// 0.
    pub reserved: u32,
    /// Frames captured or lost since the first start.
    pub position: u64,
    /// Frames in published buffers.
    pub frames_captured: u64,
    /// lost_pool + lost_host.
    pub frames_lost: u64,
    /// Lost because no buffer was free.
    pub lost_pool: u64,
    /// Never handed over by the host.
    pub lost_host: u64,
    /// In the buffer that is being filled; 0 once stopped.
    pub frames_pending: u64,
    /// Calls by the host.
    pub callbacks: u64,
    /// Times that the host said it lost some.
    pub host_overflows: u64,
    /// Published buffers.
    pub buffers_filled: u64,
    /// Times that the device came back.
    pub recoveries: u64,
    /// Longest callback.
    pub callback_ns_max: u64,
    /// Time spent in callbacks.
    pub callback_ns_total: u64,
    /// The device's real rate; 0 until known.
    pub measured_rate_hz: f64,
}

impl acap_stream_stats {
    /// The static initializer of the header, `ACAP_STREAM_STATS_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_stream_stats>()),
        state: 0,
        realtime: 0,
        reserved: 0,
        position: 0,
        frames_captured: 0,
        frames_lost: 0,
        lost_pool: 0,
        lost_host: 0,
        frames_pending: 0,
        callbacks: 0,
        host_overflows: 0,
        buffers_filled: 0,
        recoveries: 0,
        callback_ns_max: 0,
        callback_ns_total: 0,
        measured_rate_hz: 0.0,
    };
}

/// How a reader is opened; NULL instead of it means all defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_reader_config {
    /// `sizeof(acap_reader_config)`.
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Most that wait for it; 0: about 500 ms.
    pub queue_buffers: u32,
    /// `ACAP_OVERFLOW_DROP_OLDEST` or `ACAP_OVERFLOW_DROP_NEWEST`.
    pub overflow: u32,
    /// A sleeping borrow wakes only when so many are queued; 0: 1; more than queue_buffers is
    /// an error.
    pub wake_buffers: u32,
    /// How many this consumer will keep at once; the pool reserves them, nobody enforces them;
    /// 0: queue_buffers.
    pub hold_buffers: u32,
    /// Start so far in the past, out of the stream's history, or as far as it goes; rounded up
    /// to whole buffers; frames that were lost in it count as time.
    pub preroll_ns: i64,
    /// For reports; copied; NULL: "reader".
    pub name: *const c_char,
    /// Fills what would be a hole where pointers have 32 bits.
    #[cfg(target_pointer_width = "32")]
    pub reserved_32: u32,
}

impl acap_reader_config {
    /// The static initializer of the header, `ACAP_READER_CONFIG_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_reader_config>()),
        flags: 0,
        queue_buffers: 0,
        overflow: 0,
        wake_buffers: 0,
        hold_buffers: 0,
        preroll_ns: 0,
        name: null(),
        #[cfg(target_pointer_width = "32")]
        reserved_32: 0,
    };
}

/// A reader's figures. In every snapshot start_position + frames_delivered + frames_lost +
/// frames_queued == end_position and frames_lost == lost_stream + lost_queue.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct acap_reader_stats {
    /// `sizeof(acap_reader_stats)`.
    pub struct_size: u32,
    /// Waiting now.
    pub queued_buffers: u32,
    /// Most that waited at once.
    pub queued_buffers_peak: u32,
    /// 0.
    pub reserved: u32,
    /// The stream's position when the reader was opened, or that of the first history buffer
    /// that it was given.
    pub start_position: u64,
    /// Up to which this snapshot speaks.
    pub end_position: u64,
    /// Borrowed.
    pub buffers_delivered: u64,
    /// In borrowed buffers.
    pub frames_delivered: u64,
    /// In waiting buffers.
    pub frames_queued: u64,
    /// lost_stream + lost_queue.
    pub frames_lost: u64,
    /// Lost by the stream while this reader was open.
    pub lost_stream: u64,
    /// Lost because this reader's queue was full.
    pub lost_queue: u64,
    /// Capture to borrow, median, within 7 %.
    pub latency_ns_p50: i64,
    /// Capture to borrow, 99th percentile, within 7 %.
    pub latency_ns_p99: i64,
    /// Capture to borrow, largest.
    pub latency_ns_max: i64,
}

impl acap_reader_stats {
    /// The static initializer of the header, `ACAP_READER_STATS_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_32(size_of::<acap_reader_stats>()),
        queued_buffers: 0,
        queued_buffers_peak: 0,
        reserved: 0,
        start_position: 0,
        end_position: 0,
        buffers_delivered: 0,
        frames_delivered: 0,
        frames_queued: 0,
        frames_lost: 0,
        lost_stream: 0,
        lost_queue: 0,
        latency_ns_p50: 0,
        latency_ns_p99: 0,
        latency_ns_max: 0,
    };
}

/// A size as struct_size has it.
#[allow(
    clippy::cast_possible_truncation,
    reason = "no struct of the header is that large"
)]
const fn size_32(size_bytes: usize) -> u32 {
    size_bytes as u32
}
