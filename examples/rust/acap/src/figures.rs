// SPDX-License-Identifier: MIT
//! What the library tells: figures, devices, events.
//!
//! Each conversion takes the C struct apart by name, so that a member that is added to the
//! declarations and forgotten here does not compile.

use std::ffi::{CStr, c_char};

use acap_sys as sys;

use crate::types::{DeviceFlags, EventType, Format, Level, StreamFlags, StreamState};

/// The text in an array of the library, which ends with a NUL.
fn text_of(letters: &[c_char]) -> String {
    let bytes: Vec<u8> = letters
        .iter()
        .map(|letter| letter.to_ne_bytes()[0])
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What was really opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Nominal rate.
    pub sample_rate_hz: u32,
    /// Samples in a frame.
    pub channel_count: u32,
    /// What a sample is.
    pub format: Format,
    /// Frames in each buffer.
    pub frames_per_buffer: u32,
    /// How it was opened.
    pub flags: StreamFlags,
    /// By the host's word; 0: unknown.
    pub latency_ns: i64,
    /// Unique in the process, from 1.
    pub stream_id: u64,
    /// Opens the same device again.
    pub device_id: String,
    /// `portaudio`, `sim` or `push`.
    pub backend: String,
}

impl From<&sys::acap_stream_info> for StreamInfo {
    fn from(raw: &sys::acap_stream_info) -> Self {
        let sys::acap_stream_info {
            struct_size: _,
            sample_rate_hz,
            channel_count,
            format,
            frames_per_buffer,
            flags,
            latency_ns,
            stream_id,
            ref device_id,
            ref backend,
        } = *raw;
        Self {
            sample_rate_hz,
            channel_count,
            format: Format::from_number(format),
            frames_per_buffer,
            flags: StreamFlags::from_bits(flags),
            latency_ns,
            stream_id,
            device_id: text_of(device_id),
            backend: text_of(backend),
        }
    }
}

/// A stream's figures.
///
/// In every snapshot `position == frames_captured + frames_lost` and
/// `frames_lost == lost_pool + lost_host`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamStats {
    /// What it is doing.
    pub state: StreamState,
    /// The audio thread runs in a real-time class.
    pub realtime: bool,
    /// Frames captured or lost since the first start.
    pub position: u64,
    /// Frames in published buffers.
    pub frames_captured: u64,
    /// `lost_pool + lost_host`.
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

impl From<sys::acap_stream_stats> for StreamStats {
    fn from(raw: sys::acap_stream_stats) -> Self {
        let sys::acap_stream_stats {
            struct_size: _,
            state,
            realtime,
            reserved: _,
            position,
            frames_captured,
            frames_lost,
            lost_pool,
            lost_host,
            frames_pending,
            callbacks,
            host_overflows,
            buffers_filled,
            recoveries,
            callback_ns_max,
            callback_ns_total,
            measured_rate_hz,
        } = raw;
        Self {
            state: StreamState::from_number(state),
            realtime: realtime != 0,
            position,
            frames_captured,
            frames_lost,
            lost_pool,
            lost_host,
            frames_pending,
            callbacks,
            host_overflows,
            buffers_filled,
            recoveries,
            callback_ns_max,
            callback_ns_total,
            measured_rate_hz,
        }
    }
}

/// A reader's figures.
///
/// In every snapshot `start_position + frames_delivered + frames_lost + frames_queued ==
/// end_position` and `frames_lost == lost_stream + lost_queue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReaderStats {
    /// Waiting now.
    pub queued_buffers: u32,
    /// Most that waited at once.
    pub queued_buffers_peak: u32,
    /// The stream's position when the reader was opened, or that of the first history buffer that
    /// it was given.
    pub start_position: u64,
    /// Up to which this snapshot speaks.
    pub end_position: u64,
    /// Borrowed buffers.
    pub buffers_delivered: u64,
    /// Frames in borrowed buffers.
    pub frames_delivered: u64,
    /// Frames in waiting buffers.
    pub frames_queued: u64,
    /// `lost_stream + lost_queue`.
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

impl From<sys::acap_reader_stats> for ReaderStats {
    fn from(raw: sys::acap_reader_stats) -> Self {
        let sys::acap_reader_stats {
            struct_size: _,
            queued_buffers,
            queued_buffers_peak,
            reserved: _,
            start_position,
            end_position,
            buffers_delivered,
            frames_delivered,
            frames_queued,
            frames_lost,
            lost_stream,
            lost_queue,
            latency_ns_p50,
            latency_ns_p99,
            latency_ns_max,
        } = raw;
        Self {
            queued_buffers,
            queued_buffers_peak,
            start_position,
            end_position,
            buffers_delivered,
            frames_delivered,
            frames_queued,
            frames_lost,
            lost_stream,
            lost_queue,
            latency_ns_p50,
            latency_ns_p99,
            latency_ns_max,
        }
    }
}

/// A pool's figures. In every snapshot `acquired == released + in_use`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Buffers that exist now.
    pub capacity: u32,
    /// `capacity - in_use`.
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
    /// References given back or asked for on a free buffer; 0 as long as all holders are safe Rust.
    pub rejected_releases: u64,
    /// Bytes of data and headers.
    pub memory_bytes: u64,
    /// Age of the longest outstanding buffer; 0: none is out.
    pub oldest_held_ns: i64,
    /// `acquired / (acquired + exhausted)`; 1.0 before the first.
    pub hit_rate: f64,
}

impl From<sys::acap_pool_stats> for PoolStats {
    fn from(raw: sys::acap_pool_stats) -> Self {
        let sys::acap_pool_stats {
            struct_size: _,
            capacity,
            free_buffers,
            in_use,
            in_use_peak,
            buffers_min,
            buffers_max,
            grown,
            acquired,
            recycled,
            exhausted,
            released,
            rejected_releases,
            memory_bytes,
            oldest_held_ns,
            hit_rate,
        } = raw;
        Self {
            capacity,
            free_buffers,
            in_use,
            in_use_peak,
            buffers_min,
            buffers_max,
            grown,
            acquired,
            recycled,
            exhausted,
            released,
            rejected_releases,
            memory_bytes,
            oldest_held_ns,
            hit_rate,
        }
    }
}

/// Something that a program may want to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub event_type: EventType,
    /// How bad it is.
    pub level: Level,
    /// [`StreamInfo::stream_id`]; 0 where no stream is meant.
    pub stream_id: u64,
    /// `FramesLost`: where it was found; others: the stream's position.
    pub position: u64,
    /// `FramesLost`, `StreamRecovered`: how many.
    pub frames: u64,
    /// Discarded just before this one because nobody took them.
    pub events_lost: u64,
    /// When, by [`clock_ns`](crate::clock_ns).
    pub time_ns: i64,
    /// For people.
    pub text: String,
}

impl From<&sys::acap_event> for Event {
    fn from(raw: &sys::acap_event) -> Self {
        let sys::acap_event {
            struct_size: _,
            type_,
            level,
            reserved: _,
            stream_id,
            position,
            frames,
            events_lost,
            time_ns,
            ref text,
        } = *raw;
        Self {
            event_type: EventType::from_number(type_),
            level: Level::from_number(level),
            stream_id,
            position,
            frames,
            events_lost,
            time_ns,
            text: text_of(text),
        }
    }
}

/// One capture device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// What is special about it.
    pub flags: DeviceFlags,
    /// Opens it; stable across runs and re-plugging where the host allows.
    pub id: String,
    /// For people. The device chooses it: it may hold control characters.
    pub name: String,
    /// `ALSA`, `JACK Audio Connection Kit`, ...
    pub host_api: String,
    /// At least 1.
    pub max_channel_count: u32,
    /// What it runs at when not asked.
    pub default_sample_rate_hz: u32,
    /// For interactive use, by the host's word.
    pub low_latency_ns: i64,
    /// For recorders, by the host's word.
    pub high_latency_ns: i64,
}

impl DeviceInfo {
    /// Copies a device out of its list.
    ///
    /// # Safety
    ///
    /// The strings are those of a list that still exists.
    pub(crate) unsafe fn copy_of(raw: &sys::acap_device_info) -> Self {
        let sys::acap_device_info {
            struct_size: _,
            flags,
            id,
            name,
            host_api,
            max_channel_count,
            default_sample_rate_hz,
            #[cfg(target_pointer_width = "32")]
                reserved_32: _,
            low_latency_ns,
            high_latency_ns,
        } = *raw;
        let text = |letters| {
            // SAFETY: the caller's promise; the library leaves none of the three NULL.
            let text = unsafe { CStr::from_ptr(letters) };
            text.to_string_lossy().into_owned()
        };
        Self {
            flags: DeviceFlags::from_bits(flags),
            id: text(id),
            name: text(name),
            host_api: text(host_api),
            max_channel_count,
            default_sample_rate_hz,
            low_latency_ns,
            high_latency_ns,
        }
    }
}
