// SPDX-License-Identifier: MIT
//! Handles that one owner closes while others may still want to call.
//!
//! The library's rule is: close with no other call on the same handle in flight. The owner counts on
//! the borrow checker; the controllers, which may outlive it, go through a gate that is closed before
//! the handle is.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::{Error, Result};

/// A kind of handle of the library.
pub(crate) trait Raw {
    /// Whether closing waits for the calls of controllers, as it may where all of them are short, and
    /// must where they are made in signal handlers, in which nothing can be closed. Otherwise the
    /// last of these calls closes.
    const CLOSING_WAITS: bool;

    /// Closes the handle.
    ///
    /// # Safety
    ///
    /// Only once, with no other call on it in flight or to come.
    unsafe fn close(raw: NonNull<Self>);
}

const CLOSED: usize = 1 << (usize::BITS - 1);

/// `state` is the number of calls inside, and `CLOSED` once nobody may enter. The handle is closed
/// once, by whoever finds or makes the state `CLOSED` with no call inside.
struct Gate<T: Raw> {
    state: AtomicUsize,
    raw: NonNull<T>,
}

// SAFETY: the gate only hands the pointer to calls that the library allows on any thread, and closes
// it when they are over, on whatever thread.
unsafe impl<T: Raw> Send for Gate<T> {}
// SAFETY: the same.
unsafe impl<T: Raw> Sync for Gate<T> {}

impl<T: Raw> Gate<T> {
    /// Lock-free, so that a signal handler can do it.
    fn enter(&self) -> bool {
        let enter = |state| (state & CLOSED == 0).then_some(state + 1);
        // acquire: what the owner did before it lent the handle is done.
        self.state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, enter)
            .is_ok()
    }

    fn leave(&self) {
        // release: this call is over before anybody closes; acquire: so are the others, if it is us.
        let before = self.state.fetch_sub(1, Ordering::AcqRel);
        if before == CLOSED | 1 && !T::CLOSING_WAITS {
            // SAFETY: closed, and this was the last call inside: nobody else gets here.
            unsafe { T::close(self.raw) };
        }
    }

    /// Called once, by the owner.
    fn close(&self) {
        // acquire pairs with leave: their calls are over.
        let mut calls = self.state.fetch_or(CLOSED, Ordering::AcqRel);
        while T::CLOSING_WAITS && calls != 0 {
            thread::yield_now();
            calls = self.state.load(Ordering::Acquire) & !CLOSED;
        }
        if calls == 0 {
            // SAFETY: closed, and no call is inside: nobody else gets here.
            unsafe { T::close(self.raw) };
        }
    }
}

/// Closes the handle when it goes.
pub(crate) struct Owner<T: Raw>(Arc<Gate<T>>);

impl<T: Raw> Owner<T> {
    /// Takes a handle over.
    ///
    /// # Safety
    ///
    /// It is open, and nobody else closes it.
    pub(crate) unsafe fn new(raw: NonNull<T>) -> Self {
        Self(Arc::new(Gate {
            state: AtomicUsize::new(0),
            raw,
        }))
    }

    /// The handle, open as long as the owner is borrowed.
    pub(crate) fn raw(&self) -> *mut T {
        self.0.raw.as_ptr()
    }

    pub(crate) fn lend(&self) -> Guest<T> {
        Guest(Arc::clone(&self.0))
    }
}

impl<T: Raw> Drop for Owner<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// May call as long as the owner is there, and gets an error afterwards.
pub(crate) struct Guest<T: Raw>(Arc<Gate<T>>);

impl<T: Raw> Guest<T> {
    /// Calls with a handle that stays open meanwhile.
    pub(crate) fn call<R>(&self, call: impl FnOnce(*mut T) -> Result<R>) -> Result<R> {
        struct Leaving<'a, T: Raw>(&'a Gate<T>);
        impl<T: Raw> Drop for Leaving<'_, T> {
            fn drop(&mut self) {
                self.0.leave();
            }
        }

        if !self.0.enter() {
            return Err(Error::closed());
        }
        let _leaving = Leaving(&self.0);
        call(self.0.raw.as_ptr())
    }
}

impl<T: Raw> Clone for Guest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// No call of the library in here, so that Miri can run it.
#[cfg(test)]
mod tests {
    use std::ptr::NonNull;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::{Owner, Raw};
    use crate::error::Error;

    /// Closing frees it, as the library would, and counts.
    struct Fake<const WAITS: bool> {
        value: u64,
        closed: Arc<AtomicUsize>,
    }

    impl<const WAITS: bool> Raw for Fake<WAITS> {
        const CLOSING_WAITS: bool = WAITS;

        unsafe fn close(raw: NonNull<Self>) {
            // SAFETY: make() leaked the box, and closing happens once.
            let fake = unsafe { Box::from_raw(raw.as_ptr()) };
            fake.closed.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn make<const WAITS: bool>() -> (Owner<Fake<WAITS>>, Arc<AtomicUsize>) {
        let closed = Arc::new(AtomicUsize::new(0));
        let fake = Fake::<WAITS> {
            value: 17,
            closed: Arc::clone(&closed),
        };
        let raw = NonNull::from(Box::leak(Box::new(fake)));
        // SAFETY: nobody else has it.
        (unsafe { Owner::new(raw) }, closed)
    }

    fn close_while_others_call<const WAITS: bool>() {
        let (owner, closed) = make::<WAITS>();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let guest = owner.lend().clone();
                thread::spawn(move || {
                    // SAFETY: open during the call.
                    while let Ok(value) = guest.call(|raw| Ok(unsafe { (*raw).value })) {
                        assert_eq!(value, 17);
                    }
                })
            })
            .collect();
        thread::yield_now();
        drop(owner);
        for thread in threads {
            thread.join().expect("it saw an open handle, or none");
        }
        assert_eq!(closed.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn closing_is_once_and_after_all_calls() {
        for _ in 0..20 {
            close_while_others_call::<true>();
            close_while_others_call::<false>();
        }
    }

    #[test]
    fn the_last_call_closes_where_closing_does_not_wait() {
        let (owner, closed) = make::<false>();
        let guest = owner.lend();
        let outcome = guest.call(|_| {
            drop(owner);
            Ok(closed.load(Ordering::SeqCst))
        });
        assert_eq!(outcome, Ok(0));
        assert_eq!(closed.load(Ordering::SeqCst), 1);
        assert_eq!(guest.call(|_| Ok(())), Err(Error::closed()));
    }
}
