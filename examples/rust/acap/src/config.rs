// SPDX-License-Identifier: MIT
//! Configurations: what is not set is the default.

use std::borrow::Cow;
use std::ffi::{CString, c_char};
use std::ptr;

use acap_sys as sys;

use crate::error::{Error, Result};
use crate::pool::Pool;
use crate::types::{Format, OnDeviceLost, Overflow};

/// A text for the library; the pointer is valid as long as this lives.
pub(crate) struct Text(Option<CString>);

impl Text {
    pub(crate) fn new(text: Option<&str>) -> Result<Self> {
        let copy = text.map(CString::new).transpose();
        copy.map(Self).map_err(|_| {
            Error::InvalidArgument(Cow::Borrowed("a text must not contain a NUL character"))
        })
    }

    /// NULL for none.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0.as_ref().map_or(ptr::null(), |text| text.as_ptr())
    }
}

/// Makes a function that sets one member and hands the configuration on.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    )* };
}

/// How a device is opened.
///
/// ```
/// use acap::{Format, StreamConfig};
///
/// let config = StreamConfig::new("sim:sine").sample_rate_hz(44_100).format(Format::S16);
/// let context = acap::Context::new()?;
/// let stream = context.open_stream(config)?;
/// assert_eq!(stream.info()?.sample_rate_hz, 44_100);
/// # Ok::<(), acap::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StreamConfig {
    device: Option<String>,
    sample_rate_hz: u32,
    channel_count: u32,
    format: Format,
    frames_per_buffer: u32,
    planar: bool,
    lock_memory: bool,
    pool_buffers_min: u32,
    pool_buffers_max: u32,
    latency_ns: i64,
    pool: Option<Pool>,
    on_device_lost: OnDeviceLost,
    history_ns: i64,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            device: None,
            sample_rate_hz: 0,
            channel_count: 0,
            format: Format::F32,
            frames_per_buffer: 0,
            planar: false,
            lock_memory: false,
            pool_buffers_min: 0,
            pool_buffers_max: 0,
            latency_ns: 0,
            pool: None,
            on_device_lost: OnDeviceLost::Fail,
            history_ns: 0,
        }
    }
}

impl StreamConfig {
    /// A device by its id or a unique part of its name, `sim:...` or `push:`; all else is default.
    /// [`StreamConfig::default`] means the environment's `ACAP_DEVICE`, else the default input.
    #[must_use]
    pub fn new(device: impl Into<String>) -> Self {
        Self {
            device: Some(device.into()),
            ..Self::default()
        }
    }

    setters! {
        /// 0: 48000 when the device can, else its own default.
        sample_rate_hz: u32,
        /// 0: what the device has, but at most 2.
        channel_count: u32,
        /// What a sample is; by default `F32`.
        format: Format,
        /// 0: 10 ms. A buffer has exactly so many, fewer only where its flags say `PARTIAL`.
        frames_per_buffer: u32,
        /// One channel after the other instead of interleaved.
        planar: bool,
        /// Lock the stream's pool into RAM.
        lock_memory: bool,
        /// Smallest size of the stream's own pool; 0: what history and readers need.
        pool_buffers_min: u32,
        /// Largest size of the stream's own pool; 0: no limit but memory.
        pool_buffers_max: u32,
        /// Asked of the device; 0: what is safe for a recorder.
        latency_ns: i64,
        /// What happens when the device goes away.
        on_device_lost: OnDeviceLost,
        /// How much of the past stays borrowable for new readers; 0: none.
        history_ns: i64,
    }

    /// An id, a unique part of a name, `sim:...` or `push:`.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }

    /// A pool to share with other streams, without isolation between them.
    #[must_use]
    pub fn pool(mut self, pool: &Pool) -> Self {
        self.pool = Some(pool.clone());
        self
    }

    /// Calls with the C struct, which is valid only meanwhile.
    pub(crate) fn with_raw<T>(
        &self,
        call: impl FnOnce(&sys::acap_stream_config) -> Result<T>,
    ) -> Result<T> {
        let device = Text::new(self.device.as_deref())?;
        let mut flags = 0;
        if self.planar {
            flags |= sys::ACAP_STREAM_PLANAR;
        }
        if self.lock_memory {
            flags |= sys::ACAP_STREAM_LOCK_MEMORY;
        }
        // All members by name, so that one that is added to the declarations cannot be forgotten here.
        call(&sys::acap_stream_config {
            struct_size: sys::acap_stream_config::INIT.struct_size,
            flags,
            device: device.as_ptr(),
            sample_rate_hz: self.sample_rate_hz,
            channel_count: self.channel_count,
            format: self.format.number(),
            frames_per_buffer: self.frames_per_buffer,
            pool_buffers_min: self.pool_buffers_min,
            pool_buffers_max: self.pool_buffers_max,
            latency_ns: self.latency_ns,
            pool: self.pool.as_ref().map_or(ptr::null_mut(), Pool::as_raw),
            on_device_lost: self.on_device_lost.number(),
            history_ns: self.history_ns,
            reserved: 0,
            #[cfg(target_pointer_width = "32")]
            reserved_32a: 0,
            #[cfg(target_pointer_width = "32")]
            reserved_32b: 0,
        })
    }
}

impl From<&str> for StreamConfig {
    fn from(device: &str) -> Self {
        Self::new(device)
    }
}

impl From<&StreamConfig> for StreamConfig {
    fn from(config: &StreamConfig) -> Self {
        config.clone()
    }
}

/// How a reader is opened.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    queue_buffers: u32,
    overflow: Overflow,
    wake_buffers: u32,
    hold_buffers: u32,
    preroll_ns: i64,
    name: Option<String>,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self {
            queue_buffers: 0,
            overflow: Overflow::DropOldest,
            wake_buffers: 0,
            hold_buffers: 0,
            preroll_ns: 0,
            name: None,
        }
    }
}

impl ReaderConfig {
    /// All defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// Most that wait for it; 0: about 500 ms.
        queue_buffers: u32,
        /// What a full queue does.
        overflow: Overflow,
        /// A sleeping borrow wakes only when so many are queued; 0: 1.
        wake_buffers: u32,
        /// How many this consumer will keep at once; the pool reserves them, nobody enforces them;
        /// 0: `queue_buffers`.
        hold_buffers: u32,
        /// Start so far in the past, or as far as the stream's history goes.
        preroll_ns: i64,
    }

    /// For reports; by default `reader`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(crate) fn with_raw<T>(
        &self,
        call: impl FnOnce(&sys::acap_reader_config) -> Result<T>,
    ) -> Result<T> {
        let name = Text::new(self.name.as_deref())?;
        call(&sys::acap_reader_config {
            struct_size: sys::acap_reader_config::INIT.struct_size,
            flags: 0,
            queue_buffers: self.queue_buffers,
            overflow: self.overflow.number(),
            wake_buffers: self.wake_buffers,
            hold_buffers: self.hold_buffers,
            preroll_ns: self.preroll_ns,
            name: name.as_ptr(),
            #[cfg(target_pointer_width = "32")]
            reserved_32: 0,
        })
    }
}

/// How a pool is made.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    buffer_size_bytes: u32,
    buffers_min: u32,
    buffers_max: u32,
    lock_memory: bool,
}

impl PoolConfig {
    /// A pool whose buffers have so many bytes of data.
    #[must_use]
    pub fn new(buffer_size_bytes: u32) -> Self {
        Self {
            buffer_size_bytes,
            buffers_min: 0,
            buffers_max: 0,
            lock_memory: false,
        }
    }

    setters! {
        /// Allocated and touched at once; 0: 16, or `buffers_max` where that is less.
        buffers_min: u32,
        /// The pool never grows beyond it; 0: no limit but that of the library.
        buffers_max: u32,
        /// Lock the pool into RAM.
        lock_memory: bool,
    }

    pub(crate) fn raw(&self) -> sys::acap_pool_config {
        sys::acap_pool_config {
            struct_size: sys::acap_pool_config::INIT.struct_size,
            flags: if self.lock_memory {
                sys::ACAP_POOL_LOCK_MEMORY
            } else {
                0
            },
            buffer_size_bytes: self.buffer_size_bytes,
            buffers_min: self.buffers_min,
            buffers_max: self.buffers_max,
        }
    }
}
