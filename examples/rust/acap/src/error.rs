// SPDX-License-Identifier: MIT
//! Results of the library as errors.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;

use acap_sys as sys;

/// What a function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The library's own words for a static string of it.
fn static_text(text: *const std::ffi::c_char) -> &'static str {
    // SAFETY: acap_result_name(), acap_result_text() and acap_version_string() return static
    // strings, never NULL.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().unwrap_or("")
}

macro_rules! errors {
    ($($(#[$meta:meta])* $name:ident = $number:ident,)*) => {
        /// Why there is no result: what went wrong, or, for the first three, that nothing went
        /// wrong but there is no buffer.
        ///
        /// The others carry the words of `acap_last_error()`, the host's own included.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Error {
            /// Nothing came within the timeout.
            TimedOut,
            /// The stream stopped, or the stream, its context or the reader was ended, and all that
            /// was queued has been borrowed.
            End,
            /// [`ReaderController::interrupt`](crate::ReaderController::interrupt) or
            /// [`Context::interrupt`](crate::Context::interrupt) was called.
            Interrupted,
            $($(#[$meta])* $name(Cow<'static, str>),)*
            /// A result that only a newer library knows.
            Unknown {
                /// The number.
                result: i32,
                /// In words.
                text: Cow<'static, str>,
            },
        }

        impl Error {
            fn new(result: i32, text: Cow<'static, str>) -> Self {
                match result {
                    sys::ACAP_TIMED_OUT => Self::TimedOut,
                    sys::ACAP_END => Self::End,
                    sys::ACAP_INTERRUPTED => Self::Interrupted,
                    $(sys::$number => Self::$name(text),)*
                    _ => Self::Unknown { result, text },
                }
            }

            /// The number that the library has for it, `ACAP_...` in the header.
            #[must_use]
            pub fn result(&self) -> i32 {
                match self {
                    Self::TimedOut => sys::ACAP_TIMED_OUT,
                    Self::End => sys::ACAP_END,
                    Self::Interrupted => sys::ACAP_INTERRUPTED,
                    $(Self::$name(_) => sys::$number,)*
                    Self::Unknown { result, .. } => *result,
                }
            }

            /// What happened, in words.
            #[must_use]
            pub fn text(&self) -> &str {
                match self {
                    Self::TimedOut | Self::End | Self::Interrupted => {
                        static_text(sys::acap_result_text(self.result()))
                    }
                    $(Self::$name(text) => text,)*
                    Self::Unknown { text, .. } => text,
                }
            }
        }
    };
}

errors! {
    /// An argument that no device could satisfy.
    InvalidArgument = ACAP_ERROR_INVALID_ARGUMENT,
    /// There is no memory.
    NoMemory = ACAP_ERROR_NO_MEMORY,
    /// Not now: closed, ended, or in use.
    InvalidState = ACAP_ERROR_INVALID_STATE,
    /// There is no such device, or none at all.
    NoDevice = ACAP_ERROR_NO_DEVICE,
    /// Another program has the device.
    DeviceBusy = ACAP_ERROR_DEVICE_BUSY,
    /// The device went away.
    DeviceLost = ACAP_ERROR_DEVICE_LOST,
    /// A rate, number of channels or format that the device cannot give.
    UnsupportedFormat = ACAP_ERROR_UNSUPPORTED_FORMAT,
    /// No buffer is free.
    PoolExhausted = ACAP_ERROR_POOL_EXHAUSTED,
    /// Too many readers, buffers or bytes.
    Limit = ACAP_ERROR_LIMIT,
    /// The host failed in another way.
    Backend = ACAP_ERROR_BACKEND,
    /// The library is too old for this crate, or too new.
    AbiMismatch = ACAP_ERROR_ABI_MISMATCH,
    /// This process is a fork of the one that used acap.
    Forked = ACAP_ERROR_FORKED,
    /// The host did not answer within the deadline.
    HostStuck = ACAP_ERROR_HOST_STUCK,
    /// The system refused access.
    Permission = ACAP_ERROR_PERMISSION,
}

impl Error {
    /// The symbolic name in the header, such as `ACAP_ERROR_NO_DEVICE`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        static_text(sys::acap_result_name(self.result()))
    }

    /// A failure of the call that this thread has just made.
    pub(crate) fn last(result: i32) -> Self {
        if result >= 0 {
            return Self::brief(result); // acap_last_error() speaks of failures only
        }
        // SAFETY: never NULL, and valid until this thread's next acap call, which comes after the copy.
        let text = unsafe { CStr::from_ptr(sys::acap_last_error()) };
        if text.is_empty() {
            return Self::brief(result);
        }
        Self::new(result, Cow::Owned(text.to_string_lossy().into_owned()))
    }

    /// The same in the result's own sentence. It does not allocate, so that signal handlers and
    /// real-time threads can have it.
    pub(crate) fn brief(result: i32) -> Self {
        Self::new(
            result,
            Cow::Borrowed(static_text(sys::acap_result_text(result))),
        )
    }

    pub(crate) fn closed() -> Self {
        Self::InvalidState(Cow::Borrowed("this object was closed"))
    }
}

/// Turns a result into a `Result`, with the words of the failure.
pub(crate) fn check(result: i32) -> Result<()> {
    match result {
        sys::ACAP_OK => Ok(()),
        _ => Err(Error::last(result)),
    }
}

/// The same without allocating.
pub(crate) fn check_briefly(result: i32) -> Result<()> {
    match result {
        sys::ACAP_OK => Ok(()),
        _ => Err(Error::brief(result)),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.text(), self.name())
    }
}

impl std::error::Error for Error {}

/// The version of the library that runs: major << 16 | minor << 8 | patch.
#[must_use]
pub fn version() -> u32 {
    sys::acap_version()
}

/// The version of the library that runs, such as `0.1.0`.
#[must_use]
pub fn version_string() -> &'static str {
    static_text(sys::acap_version_string())
}

/// The clock of every `time_ns`: nanoseconds since an arbitrary moment, never running backwards.
#[must_use]
pub fn clock_ns() -> i64 {
    sys::acap_clock_ns()
}
