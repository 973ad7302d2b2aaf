// SPDX-License-Identifier: MIT
//! Handles for event loops.

use std::borrow::Cow;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::error::{Error, Result};

/// A descriptor to poll for reading; never read or write it.
///
/// It is a duplicate, so that it may be registered with an event loop while the reader borrows, and
/// may outlive what it tells of.
///
/// That of a reader becomes readable when a borrow would return something, and stays so until one
/// has nothing to return; at the end it stays readable. Call
/// [`Reader::try_borrow`](crate::Reader::try_borrow) until it returns `None`, then poll again. That
/// of a context is readable as long as an event waits. There may be false alarms.
#[derive(Debug)]
pub struct WaitHandle(OwnedFd);

impl WaitHandle {
    /// Duplicates a handle of the library.
    ///
    /// # Safety
    ///
    /// The descriptor is open.
    pub(crate) unsafe fn duplicate(handle: isize) -> Result<Self> {
        let fd = RawFd::try_from(handle).map_err(|_| Error::closed())?;
        // SAFETY: open, as the caller promises, and borrowed only for the next line.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        borrowed
            .try_clone_to_owned()
            .map(Self)
            .map_err(|error| Error::Limit(Cow::Owned(format!("no wait handle: {error}"))))
    }
}

impl AsFd for WaitHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for WaitHandle {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<WaitHandle> for OwnedFd {
    fn from(handle: WaitHandle) -> Self {
        handle.0
    }
}
