// SPDX-License-Identifier: MIT
//! Readers: the consumers of a stream.

use std::fmt;
use std::ptr::{self, NonNull};
use std::time::Duration;

use acap_sys as sys;

use crate::buffer::Buffer;
use crate::context::{timeout_ns, unless_timed_out};
use crate::error::{Error, Result, check, check_briefly};
use crate::figures::ReaderStats;
use crate::handle::{Guest, Owner, Raw};

impl Raw for sys::acap_reader {
    /// What controllers call returns at once, and may be called in signal handlers.
    const CLOSING_WAITS: bool = true;

    unsafe fn close(raw: NonNull<Self>) {
        // SAFETY: the caller's promise.
        unsafe { sys::acap_reader_close(raw.as_ptr()) };
    }
}

/// One consumer of a stream. [`Stream::open_reader`](crate::Stream::open_reader) makes readers.
///
/// Borrowing is `&mut self`, since a reader has one consumer at a time: two are two readers. To watch,
/// interrupt or end it from elsewhere there is the [`ReaderController`].
///
/// ```compile_fail,E0499
/// # fn two(reader: &mut acap::Reader) {
/// std::thread::scope(|scope| {
///     scope.spawn(|| reader.borrow());
///     scope.spawn(|| reader.borrow());
/// });
/// # }
/// ```
///
/// It may outlive its stream: it drains, and then is at its end. Dropping a reader gives what is queued
/// back to the pool; what was borrowed stays valid.
pub struct Reader(Owner<sys::acap_reader>);

fn end(raw: *mut sys::acap_reader) -> Result<()> {
    // SAFETY: the callers have a reader that is open.
    check_briefly(unsafe { sys::acap_reader_end(raw) })
}

fn stats(raw: *mut sys::acap_reader) -> Result<ReaderStats> {
    let mut stats = sys::acap_reader_stats::INIT;
    // SAFETY: the callers have a reader that is open, and the struct knows its size.
    check(unsafe { sys::acap_reader_get_stats(raw, &raw mut stats) })?;
    Ok(stats.into())
}

impl Reader {
    /// # Safety
    ///
    /// The reader is the caller's to give away.
    pub(crate) unsafe fn take(raw: NonNull<sys::acap_reader>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { Owner::new(raw) })
    }

    fn take_buffer(&mut self, timeout_ns: i64) -> Result<Buffer> {
        let mut out = ptr::null();
        // SAFETY: a reader that is open and, as it is borrowed exclusively, has no other consumer.
        check(unsafe { sys::acap_reader_borrow(self.0.raw(), timeout_ns, &raw mut out) })?;
        let raw = NonNull::new(out.cast_mut()).ok_or_else(Error::closed)?;
        // SAFETY: the reference that the call gave to the caller.
        Ok(unsafe { Buffer::from_raw(raw) })
    }

    /// Borrows the next buffer, and waits for it as long as it takes.
    ///
    /// # Errors
    ///
    /// [`Error::End`], [`Error::Interrupted`]; [`Error::DeviceLost`]: the device went away, and all
    /// that was queued has been borrowed; [`Error::Forked`].
    pub fn borrow(&mut self) -> Result<Buffer> {
        self.take_buffer(sys::ACAP_WAIT_FOREVER)
    }

    /// The same, but waits no longer than this.
    ///
    /// # Errors
    ///
    /// As for [`borrow`](Self::borrow), and [`Error::TimedOut`].
    pub fn borrow_timeout(&mut self, timeout: Duration) -> Result<Buffer> {
        self.take_buffer(timeout_ns(timeout))
    }

    /// Borrows the next buffer if there is one.
    ///
    /// # Errors
    ///
    /// As for [`borrow`](Self::borrow).
    pub fn try_borrow(&mut self) -> Result<Option<Buffer>> {
        unless_timed_out(self.take_buffer(0))
    }

    /// Waits for buffers and hands them on, until the end; see [`Buffers`].
    pub fn buffers(&mut self) -> Buffers<'_> {
        Buffers {
            reader: self,
            is_over: false,
        }
    }

    /// The reader's figures now.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn stats(&self) -> Result<ReaderStats> {
        stats(self.0.raw())
    }

    /// Ends it: it gets no more buffers, and once drained is at its end for ever.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn end(&self) -> Result<()> {
        end(self.0.raw())
    }

    /// A handle for other threads and signal handlers, which does not keep the reader open.
    #[must_use]
    pub fn controller(&self) -> ReaderController {
        ReaderController(self.0.lend())
    }

    /// A handle for event loops.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`]: no descriptor is left; [`Error::Forked`].
    #[cfg(unix)]
    pub fn wait_handle(&self) -> Result<crate::WaitHandle> {
        let mut handle = -1;
        // SAFETY: a reader that is open.
        check(unsafe { sys::acap_reader_get_wait_handle(self.0.raw(), &raw mut handle) })?;
        // SAFETY: valid as long as the reader is open.
        unsafe { crate::WaitHandle::duplicate(handle) }
    }

    /// Gives what is queued back to the pool, as dropping it does.
    pub fn close(self) {}
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Reader")
            .field(&self.stats())
            .finish()
    }
}

/// Waits for a reader's buffers.
///
/// It is over at the reader's end, and after an error, which is its last item, but for
/// [`Error::Interrupted`], after which it goes on. The buffers do not belong to it: keep them, send
/// them, collect them.
///
/// ```
/// use acap::{Context, ReaderConfig};
///
/// let context = Context::new()?;
/// let mut stream = context.open_stream("sim:counter?pace=manual")?;
/// let mut reader = stream.open_reader(ReaderConfig::new())?;
/// stream.start()?;
/// stream.sim_advance(4_800)?;
/// stream.stop()?;
/// let mut frame_count = 0;
/// for buffer in &mut reader {
///     frame_count += buffer?.frame_count();
/// }
/// assert_eq!(frame_count, 4_800 - 4_800 % 256); // the device has periods of 256 frames
/// # Ok::<(), acap::Error>(())
/// ```
#[derive(Debug)]
pub struct Buffers<'reader> {
    reader: &'reader mut Reader,
    is_over: bool,
}

impl Iterator for Buffers<'_> {
    type Item = Result<Buffer>;

    fn next(&mut self) -> Option<Result<Buffer>> {
        if self.is_over {
            return None;
        }
        let item = self.reader.borrow();
        self.is_over = !matches!(item, Ok(_) | Err(Error::Interrupted));
        Some(item).filter(|item| !matches!(item, Err(Error::End)))
    }
}

impl std::iter::FusedIterator for Buffers<'_> {}

impl<'reader> IntoIterator for &'reader mut Reader {
    type Item = Result<Buffer>;
    type IntoIter = Buffers<'reader>;

    fn into_iter(self) -> Buffers<'reader> {
        self.buffers()
    }
}

/// Interrupts, ends and watches a reader that somebody else borrows from.
///
/// [`interrupt`](Self::interrupt) and [`end`](Self::end) may be called in signal handlers: they
/// neither lock nor allocate, and keep `errno`. (Making, cloning and dropping a controller may not.)
///
/// It does not keep the reader open: once that was dropped, every call is an
/// [`Error::InvalidState`].
#[derive(Clone)]
pub struct ReaderController(Guest<sys::acap_reader>);

impl ReaderController {
    /// Makes the current or the next borrow return [`Error::Interrupted`], once.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidState`]: the reader was closed; [`Error::Forked`].
    pub fn interrupt(&self) -> Result<()> {
        self.0.call(|raw| {
            // SAFETY: a reader that is open.
            check_briefly(unsafe { sys::acap_reader_interrupt(raw) })
        })
    }

    /// As [`Reader::end`].
    ///
    /// # Errors
    ///
    /// Also [`Error::InvalidState`]: the reader was closed.
    pub fn end(&self) -> Result<()> {
        self.0.call(end)
    }

    /// As [`Reader::stats`].
    ///
    /// # Errors
    ///
    /// Also [`Error::InvalidState`]: the reader was closed.
    pub fn stats(&self) -> Result<ReaderStats> {
        self.0.call(stats)
    }
}

impl fmt::Debug for ReaderController {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReaderController")
            .finish_non_exhaustive()
    }
}
