// SPDX-License-Identifier: MIT
//! Pools: the owners of buffers.

use std::fmt;
use std::ptr::{self, NonNull};

use acap_sys as sys;

use crate::buffer::Buffer;
use crate::config::PoolConfig;
use crate::error::{Result, check, check_briefly};
use crate::figures::PoolStats;

/// The owner of buffers, to share between streams or to use on its own.
///
/// Cloning adds a reference. The memory goes with the last of them and the last buffer.
pub struct Pool(NonNull<sys::acap_pool>);

// SAFETY: the library lets any thread call any function of a pool at any time.
unsafe impl Send for Pool {}
// SAFETY: the same.
unsafe impl Sync for Pool {}

impl Pool {
    /// Makes a pool.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument): buffers of 0 bytes, or
    /// `buffers_min > buffers_max`; [`Error::Limit`](crate::Error::Limit): too many or too large;
    /// [`Error::NoMemory`](crate::Error::NoMemory); [`Error::Permission`](crate::Error::Permission):
    /// the memory could not be locked; [`Error::Forked`](crate::Error::Forked).
    pub fn new(config: &PoolConfig) -> Result<Self> {
        let mut out = ptr::null_mut();
        let config = config.raw();
        // SAFETY: both are valid for the call.
        check(unsafe { sys::acap_pool_create(&raw const config, &raw mut out) })?;
        let raw = NonNull::new(out).ok_or_else(crate::Error::closed)?;
        // SAFETY: the reference that the call gave to the caller.
        Ok(unsafe { Self::take(raw) })
    }

    /// # Safety
    ///
    /// The reference is the caller's to give away.
    pub(crate) unsafe fn take(raw: NonNull<sys::acap_pool>) -> Self {
        Self(raw)
    }

    pub(crate) fn as_raw(&self) -> *mut sys::acap_pool {
        self.0.as_ptr()
    }

    /// Takes a free buffer, all zero but for its bytes and their number. Never blocks and never
    /// allocates.
    ///
    /// # Errors
    ///
    /// [`Error::PoolExhausted`](crate::Error::PoolExhausted): none is free;
    /// [`Error::Forked`](crate::Error::Forked).
    pub fn acquire(&self) -> Result<Buffer> {
        let mut out = ptr::null();
        // SAFETY: a pool that is held.
        check_briefly(unsafe { sys::acap_pool_acquire(self.as_raw(), &raw mut out) })?;
        let raw = NonNull::new(out.cast_mut()).ok_or_else(crate::Error::closed)?;
        // SAFETY: the reference that the call gave to the caller.
        Ok(unsafe { Buffer::from_raw(raw) })
    }

    /// The pool's figures now.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`](crate::Error::Forked).
    pub fn stats(&self) -> Result<PoolStats> {
        let mut stats = sys::acap_pool_stats::INIT;
        // SAFETY: a pool that is held, and a struct that knows its size.
        check(unsafe { sys::acap_pool_get_stats(self.as_raw(), &raw mut stats) })?;
        Ok(stats.into())
    }
}

impl Clone for Pool {
    /// Adds a reference.
    fn clone(&self) -> Self {
        // SAFETY: a pool that is held. In the child of a fork nothing is counted, and releasing does
        // nothing.
        unsafe { sys::acap_pool_retain(self.as_raw()) };
        Self(self.0)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: this reference is ours, and nobody has it afterwards.
        unsafe { sys::acap_pool_release(self.as_raw()) };
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pool").field(&self.stats()).finish()
    }
}
