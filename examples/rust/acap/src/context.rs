// SPDX-License-Identifier: MIT
//! Contexts: where devices are listed and streams are opened.

use std::fmt;
use std::ptr::{self, NonNull};
use std::time::Duration;

use acap_sys as sys;

use crate::config::{StreamConfig, Text};
use crate::error::{Error, Result, check};
use crate::figures::{DeviceInfo, Event};
use crate::stream::Stream;

/// A set of streams with one default back end.
///
/// Everything is `&self` and may be called on any thread. Dropping a context ends its streams, which
/// stay valid but for that.
pub struct Context(NonNull<sys::acap_context>);

// SAFETY: the library lets any thread call any function of a context; destroying it takes the owner.
unsafe impl Send for Context {}
// SAFETY: the same.
unsafe impl Sync for Context {}

/// A time to wait, as the library has it.
pub(crate) fn timeout_ns(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX)
}

/// `None` for "nothing came".
pub(crate) fn unless_timed_out<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A list of the library, destroyed with this.
struct DeviceList(*mut sys::acap_device_list);

impl Drop for DeviceList {
    fn drop(&mut self) {
        // SAFETY: the list is ours.
        unsafe { sys::acap_device_list_destroy(self.0) };
    }
}

impl Context {
    /// A context with the default back end: the environment's `ACAP_BACKEND`, else `portaudio`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: `ACAP_BACKEND` is no back end; [`Error::NoMemory`];
    /// [`Error::Forked`].
    pub fn new() -> Result<Self> {
        Self::create(None)
    }

    /// A context with a back end: `portaudio`, `sim` or `push`. It is what no device and plain device
    /// names mean; `sim:...` and `push:` open in any context.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: there is no such back end; [`Error::NoMemory`];
    /// [`Error::Forked`].
    pub fn with_backend(backend: &str) -> Result<Self> {
        Self::create(Some(backend))
    }

    fn create(backend: Option<&str>) -> Result<Self> {
        let backend = Text::new(backend)?;
        let config = sys::acap_context_config {
            backend: backend.as_ptr(),
            ..sys::acap_context_config::INIT
        };
        let mut out = ptr::null_mut();
        // SAFETY: both are valid for the call.
        check(unsafe { sys::acap_context_create(&raw const config, &raw mut out) })?;
        NonNull::new(out).map(Self).ok_or_else(Error::closed)
    }

    fn raw(&self) -> *mut sys::acap_context {
        self.0.as_ptr()
    }

    /// Ends its streams, as dropping it does. Never waits for the host.
    pub fn close(self) {}

    // ---- devices ----

    /// Lists the capture devices, asked afresh of the host where it can.
    ///
    /// # Errors
    ///
    /// [`Error::Backend`]: the host could not be initialized; [`Error::HostStuck`];
    /// [`Error::NoMemory`]; [`Error::Forked`].
    pub fn devices(&self) -> Result<Vec<DeviceInfo>> {
        let mut out = ptr::null_mut();
        // SAFETY: a context that is open.
        check(unsafe { sys::acap_device_list_create(self.raw(), &raw mut out) })?;
        let list = DeviceList(out);
        // SAFETY: the list is ours.
        let count = unsafe { sys::acap_device_list_count(list.0) };
        let device = |index| {
            // SAFETY: the list is ours.
            let raw = unsafe { sys::acap_device_list_get(list.0, index) };
            // SAFETY: NULL, or valid as long as the list is, which never changes.
            let raw = unsafe { raw.as_ref() }?;
            // SAFETY: the list still exists.
            Some(unsafe { DeviceInfo::copy_of(raw) })
        };
        Ok((0..count).filter_map(device).collect())
    }

    /// Opens a device: a [`StreamConfig`], or only its name. It captures nothing before
    /// [`Stream::start`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`], [`Error::NoDevice`], [`Error::DeviceBusy`],
    /// [`Error::UnsupportedFormat`]: the text says what the device can; [`Error::Limit`]: a shared
    /// pool's buffers are too small, or there would be too many; [`Error::NoMemory`],
    /// [`Error::Permission`], [`Error::Backend`], [`Error::HostStuck`], [`Error::Forked`].
    pub fn open_stream(&self, config: impl Into<StreamConfig>) -> Result<Stream> {
        let mut out = ptr::null_mut();
        config.into().with_raw(|config| {
            // SAFETY: a context that is open, and a configuration that is valid for the call.
            check(unsafe { sys::acap_stream_open(self.raw(), config, &raw mut out) })
        })?;
        let raw = NonNull::new(out).ok_or_else(Error::closed)?;
        // SAFETY: the call gave the stream to the caller.
        unsafe { Stream::take(raw) }
    }

    /// Tells whether a device can give what a configuration asks for, without opening it.
    ///
    /// # Errors
    ///
    /// What [`open_stream`](Self::open_stream) would return, in so far as it can be known.
    pub fn check_supported(&self, config: impl Into<StreamConfig>) -> Result<()> {
        config.into().with_raw(|config| {
            // SAFETY: a context that is open, and a configuration that is valid for the call.
            check(unsafe { sys::acap_device_supports(self.raw(), config) })
        })
    }

    // ---- events ----

    fn take_event(&self, timeout_ns: i64) -> Result<Event> {
        let mut event = sys::acap_event::INIT;
        // SAFETY: a context that is open, and a struct that knows its size.
        check(unsafe { sys::acap_context_next_event(self.raw(), timeout_ns, &raw mut event) })?;
        Ok(Event::from(&event))
    }

    /// Takes the oldest event, and waits for it as long as it takes. At most 256 wait for you; beyond,
    /// the oldest are discarded and counted.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], [`Error::Forked`].
    pub fn next_event(&self) -> Result<Event> {
        self.take_event(sys::ACAP_WAIT_FOREVER)
    }

    /// The same, but waits no longer than this.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Interrupted`], [`Error::Forked`].
    pub fn next_event_timeout(&self, timeout: Duration) -> Result<Event> {
        self.take_event(timeout_ns(timeout))
    }

    /// Takes the oldest event if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], [`Error::Forked`].
    pub fn try_next_event(&self) -> Result<Option<Event>> {
        unless_timed_out(self.take_event(0))
    }

    /// Makes the current or the next call that takes an event return [`Error::Interrupted`], once.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn interrupt(&self) -> Result<()> {
        // SAFETY: a context that is open.
        check(unsafe { sys::acap_context_interrupt(self.raw()) })
    }

    /// A handle for event loops, readable as long as an event waits.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`]: no descriptor is left; [`Error::Forked`].
    #[cfg(unix)]
    pub fn wait_handle(&self) -> Result<crate::WaitHandle> {
        let mut handle = -1;
        // SAFETY: a context that is open.
        check(unsafe { sys::acap_context_get_wait_handle(self.raw(), &raw mut handle) })?;
        // SAFETY: valid as long as the context is open.
        unsafe { crate::WaitHandle::duplicate(handle) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the owner goes, so that no other call can be in flight.
        unsafe { sys::acap_context_destroy(self.raw()) };
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Context").finish_non_exhaustive()
    }
}
