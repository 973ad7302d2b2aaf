// SPDX-License-Identifier: MIT
//! Audio capture that hands buffers on without copying and never hides a loss.
//!
//! ```
//! use acap::{Context, ReaderConfig};
//!
//! let context = Context::new()?;
//! let stream = context.open_stream("sim:sine")?; // StreamConfig::default(): the default input
//! let mut reader = stream.open_reader(ReaderConfig::new())?;
//! stream.start()?;
//! for buffer in reader.buffers().take(5) {
//!     let buffer = buffer?;
//!     let samples = buffer.samples::<f32>()?; // the very memory that was captured into
//!     println!("{}: {} samples", buffer.position(), samples.len());
//! }
//! println!("{:?}", reader.stats()?);
//! # Ok::<(), acap::Error>(())
//! ```
//!
//! **Who owns what.** [`Context`], [`Stream`], [`Reader`], [`Pool`] and [`Buffer`] are each released
//! when they are dropped, in any order: what goes first leaves the others valid, only ended. A buffer
//! outlives all of them.
//!
//! **Threads.** Everything is [`Send`] and [`Sync`]. What any thread may do at any time takes `&self`;
//! what only one may do at a time, borrowing from a reader and feeding a stream, takes `&mut self`;
//! closing takes the owner. Those who neither own nor may borrow have a controller:
//! [`Reader::controller`], [`Stream::controller`].
//!
//! **Mistakes.** A release too many, two consumers, samples that outlive their buffer: none of them
//! compiles. What is only known at run time is an [`Error`].
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

mod buffer;
mod config;
mod context;
mod error;
mod figures;
mod handle;
mod pool;
mod reader;
mod sample;
mod stream;
mod types;
mod view;
#[cfg(unix)]
mod wait;

pub use buffer::{Buffer, Levels, SampleCounts, Samples};
pub use config::{PoolConfig, ReaderConfig, StreamConfig};
pub use context::Context;
pub use error::{Error, Result, clock_ns, version, version_string};
pub use figures::{DeviceInfo, Event, PoolStats, ReaderStats, StreamInfo, StreamStats};
pub use pool::Pool;
pub use reader::{Buffers, Reader, ReaderController};
pub use sample::{S24, Sample};
pub use stream::{Stream, StreamController};
pub use types::{
    BufferFlags, DeviceFlags, EventType, Format, Level, OnDeviceLost, Overflow, StreamFlags,
    StreamState, limits,
};
#[cfg(unix)]
pub use wait::WaitHandle;

pub use acap_sys as sys;

/// The examples of README.md, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
