// SPDX-License-Identifier: MIT
//! Streams: opened devices.

use std::borrow::Cow;
use std::ffi::c_void;
use std::fmt;
use std::ptr::{self, NonNull};

use acap_sys as sys;

use crate::config::ReaderConfig;
use crate::error::{Error, Result, check};
use crate::figures::{StreamInfo, StreamStats};
use crate::handle::{Guest, Owner, Raw};
use crate::pool::Pool;
use crate::reader::Reader;
use crate::sample::Sample;
use crate::types::Format;

impl Raw for sys::acap_stream {
    /// start and stop may wait for the host, and closing must not.
    const CLOSING_WAITS: bool = false;

    unsafe fn close(raw: NonNull<Self>) {
        // SAFETY: the caller's promise.
        unsafe { sys::acap_stream_close(raw.as_ptr()) };
    }
}

/// One opened device. [`Context::open_stream`](crate::Context::open_stream) makes streams.
///
/// What any thread may do at any time is `&self`; what one at a time may do, [`push`](Self::push) and
/// [`sim_advance`](Self::sim_advance), is `&mut self`. Where one thread feeds a stream and others
/// start, stop or watch it, these have a [`StreamController`].
///
/// Dropping a stream closes it and ends its readers, which keep what is queued. It never waits for
/// the host.
pub struct Stream {
    owner: Owner<sys::acap_stream>,
    format: Format,
    channel_count: usize,
}

fn start(raw: *mut sys::acap_stream) -> Result<()> {
    // SAFETY: the callers have a stream that is open.
    check(unsafe { sys::acap_stream_start(raw) })
}

fn stop(raw: *mut sys::acap_stream) -> Result<()> {
    // SAFETY: the callers have a stream that is open.
    check(unsafe { sys::acap_stream_stop(raw) })
}

fn stats(raw: *mut sys::acap_stream) -> Result<StreamStats> {
    let mut stats = sys::acap_stream_stats::INIT;
    // SAFETY: the callers have a stream that is open, and the struct knows its size.
    check(unsafe { sys::acap_stream_get_stats(raw, &raw mut stats) })?;
    Ok(stats.into())
}

impl Stream {
    /// # Safety
    ///
    /// The stream is the caller's to give away.
    pub(crate) unsafe fn take(raw: NonNull<sys::acap_stream>) -> Result<Self> {
        let mut stream = Self {
            // SAFETY: the caller's promise.
            owner: unsafe { Owner::new(raw) },
            format: Format::Unknown(0),
            channel_count: 0,
        };
        let info = stream.info()?;
        stream.format = info.format;
        stream.channel_count = info.channel_count as usize;
        Ok(stream)
    }

    /// Opens a reader, whether the stream runs or not.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]; [`Error::Limit`]: too many readers or buffers;
    /// [`Error::InvalidState`]: the context is gone; [`Error::NoMemory`], [`Error::Permission`],
    /// [`Error::Forked`].
    // By value, so that ReaderConfig::new().name("meter") needs no "&" before it.
    #[allow(clippy::needless_pass_by_value)]
    pub fn open_reader(&self, config: ReaderConfig) -> Result<Reader> {
        let mut out = ptr::null_mut();
        config.with_raw(|config| {
            // SAFETY: a stream that is open, and a configuration that is valid for the call.
            check(unsafe { sys::acap_reader_open(self.owner.raw(), config, &raw mut out) })
        })?;
        let raw = NonNull::new(out).ok_or_else(Error::closed)?;
        // SAFETY: the call gave the reader to the caller.
        Ok(unsafe { Reader::take(raw) })
    }

    /// Starts capturing. After a stop positions go on and the same readers continue.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidState`]: the context is gone; [`Error::DeviceLost`], [`Error::NoDevice`],
    /// [`Error::DeviceBusy`], [`Error::NoMemory`], [`Error::Backend`], [`Error::HostStuck`],
    /// [`Error::Forked`].
    pub fn start(&self) -> Result<()> {
        start(self.owner.raw())
    }

    /// Stops capturing. What was captured can still be borrowed; then readers are at their end. That
    /// is so whatever the result.
    ///
    /// # Errors
    ///
    /// [`Error::HostStuck`]: the host did not stop in time and was left behind; [`Error::Backend`],
    /// [`Error::Forked`].
    pub fn stop(&self) -> Result<()> {
        stop(self.owner.raw())
    }

    /// The stream's figures now.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn stats(&self) -> Result<StreamStats> {
        stats(self.owner.raw())
    }

    /// What was really opened.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn info(&self) -> Result<StreamInfo> {
        let mut info = sys::acap_stream_info::INIT;
        // SAFETY: a stream that is open, and a struct that knows its size.
        check(unsafe { sys::acap_stream_get_info(self.owner.raw(), &raw mut info) })?;
        Ok(StreamInfo::from(&info))
    }

    /// The pool that it fills.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn pool(&self) -> Result<Pool> {
        // SAFETY: a stream that is open.
        let raw = unsafe { sys::acap_stream_get_pool(self.owner.raw()) };
        // Of a stream that is open it only fails in the child of a fork.
        let raw = NonNull::new(raw).ok_or_else(|| Error::brief(sys::ACAP_ERROR_FORKED))?;
        // SAFETY: the reference that the call gave to the caller.
        Ok(unsafe { Pool::take(raw) })
    }

    /// A handle for other threads, which does not keep the stream open.
    #[must_use]
    pub fn controller(&self) -> StreamController {
        StreamController(self.owner.lend())
    }

    /// Closes it and ends its readers, as dropping it does.
    pub fn close(self) {}

    // ---- feeding ----

    /// Feeds a `push:` stream: the caller is the device. Never blocks.
    ///
    /// `samples` are interleaved; `time_ns` is when the first frame was captured, by
    /// [`clock_ns`](crate::clock_ns), and by default now.
    ///
    /// ```
    /// use acap::{Context, Format, ReaderConfig, StreamConfig};
    ///
    /// let context = Context::new()?;
    /// let config = StreamConfig::new("push:").format(Format::S16).channel_count(1).frames_per_buffer(3);
    /// let mut stream = context.open_stream(config)?;
    /// let mut reader = stream.open_reader(ReaderConfig::new())?;
    /// stream.start()?;
    /// stream.push(&[1_i16, 2, 3], None)?;
    /// assert_eq!(reader.borrow()?.samples::<i16>()?, [1, 2, 3]);
    /// # Ok::<(), acap::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: this is no `push:` stream, or the samples are of another format or
    /// no whole frames; [`Error::InvalidState`]: stopped; [`Error::Forked`].
    pub fn push<T: Sample>(&mut self, samples: &[T], time_ns: Option<i64>) -> Result<()> {
        if T::FORMAT != self.format {
            return Err(Error::InvalidArgument(Cow::Owned(format!(
                "the stream's samples are {:?}, not {:?}",
                self.format,
                T::FORMAT
            ))));
        }
        self.push_bytes_of(samples.as_ptr().cast(), size_of_val(samples), time_ns)
    }

    /// The same with bytes, of whatever alignment, in the stream's format.
    ///
    /// # Errors
    ///
    /// As for [`push`](Self::push).
    pub fn push_bytes(&mut self, frames: &[u8], time_ns: Option<i64>) -> Result<()> {
        self.push_bytes_of(frames.as_ptr().cast(), frames.len(), time_ns)
    }

    /// Tells a `push:` stream that frames were lost.
    ///
    /// # Errors
    ///
    /// As for [`push`](Self::push).
    pub fn push_lost(&mut self, frame_count: u32, time_ns: Option<i64>) -> Result<()> {
        // SAFETY: no frames are read.
        unsafe { self.push_raw(ptr::null(), frame_count, time_ns) }
    }

    fn push_bytes_of(
        &mut self,
        frames: *const c_void,
        size_bytes: usize,
        time_ns: Option<i64>,
    ) -> Result<()> {
        let frame_bytes = self.channel_count * self.format.sample_bytes();
        let frame_count = match size_bytes.checked_rem(frame_bytes) {
            Some(0) => u32::try_from(size_bytes / frame_bytes).ok(),
            _ => None,
        };
        let Some(frame_count) = frame_count else {
            return Err(Error::InvalidArgument(Cow::Owned(format!(
                "{size_bytes} bytes are no whole frames of {frame_bytes} bytes, or too many"
            ))));
        };
        // SAFETY: the frames are those of the slice that the callers have borrowed.
        unsafe { self.push_raw(frames, frame_count, time_ns) }
    }

    /// # Safety
    ///
    /// `frames` is NULL or has `frame_count` frames.
    unsafe fn push_raw(
        &mut self,
        frames: *const c_void,
        frame_count: u32,
        time_ns: Option<i64>,
    ) -> Result<()> {
        let time_ns = time_ns.unwrap_or(0);
        // SAFETY: a stream that is open and, as it is borrowed exclusively, fed by nobody else; the
        // frames are the caller's promise.
        check(unsafe { sys::acap_stream_push(self.owner.raw(), frames, frame_count, time_ns) })
    }

    /// Lets a `sim:` stream with `pace=manual` capture, in virtual time.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: this is no such stream; [`Error::InvalidState`]: stopped;
    /// [`Error::Forked`].
    pub fn sim_advance(&mut self, frame_count: u64) -> Result<()> {
        // SAFETY: a stream that is open and, as it is borrowed exclusively, advanced by nobody else.
        check(unsafe { sys::acap_stream_sim_advance(self.owner.raw(), frame_count) })
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Stream").field(&self.info()).finish()
    }
}

/// Starts, stops and watches a stream that somebody else has.
///
/// It does not keep the stream open: once that was dropped, every call is an
/// [`Error::InvalidState`]. A stream that is dropped during such a call is closed at its end.
#[derive(Clone)]
pub struct StreamController(Guest<sys::acap_stream>);

impl StreamController {
    /// As [`Stream::start`].
    ///
    /// # Errors
    ///
    /// Also [`Error::InvalidState`]: the stream was closed.
    pub fn start(&self) -> Result<()> {
        self.0.call(start)
    }

    /// As [`Stream::stop`].
    ///
    /// # Errors
    ///
    /// Also [`Error::InvalidState`]: the stream was closed.
    pub fn stop(&self) -> Result<()> {
        self.0.call(stop)
    }

    /// As [`Stream::stats`].
    ///
    /// # Errors
    ///
    /// Also [`Error::InvalidState`]: the stream was closed.
    pub fn stats(&self) -> Result<StreamStats> {
        self.0.call(stats)
    }
}

impl fmt::Debug for StreamController {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamController")
            .finish_non_exhaustive()
    }
}
