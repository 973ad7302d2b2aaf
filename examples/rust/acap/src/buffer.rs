// SPDX-License-Identifier: MIT
//! Borrowed buffers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use acap_sys as sys;

use crate::error::{Error, Result, check};
use crate::sample::Sample;
use crate::types::{BufferFlags, Format};
use crate::view;

/// A run of consecutive frames that was captured once and copied for nobody.
///
/// [`Reader`](crate::Reader)s and [`Pool`](crate::Pool)s make them. A buffer is yours until it is
/// dropped: keep it as long as you like, send it to any thread, use it after the reader, the stream
/// and the context are gone. Cloning adds a reference and copies no samples.
///
/// It derefs to its bytes; [`samples`](Self::samples) and [`plane`](Self::plane) give them as what
/// they are, and [`into_samples`](Self::into_samples) makes an owner that derefs to samples.
///
/// To give one back twice is no run-time error, it does not compile:
///
/// ```compile_fail,E0382
/// # fn twice(buffer: acap::Buffer) {
/// buffer.release();
/// buffer.release();
/// # }
/// ```
///
/// and neither do samples that outlive their buffer:
///
/// ```compile_fail,E0505
/// # fn late(buffer: acap::Buffer) -> acap::Result<()> {
/// let samples = buffer.samples::<f32>()?;
/// buffer.release();
/// println!("{}", samples[0]);
/// # Ok(())
/// # }
/// ```
pub struct Buffer(NonNull<sys::acap_buffer>);

// SAFETY: the library lets any thread use and release a buffer; what it says is never written to.
unsafe impl Send for Buffer {}
// SAFETY: the same; writing needs the exclusive borrow of the only reference.
unsafe impl Sync for Buffer {}

/// Peak and rms of each channel.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Levels {
    /// Largest magnitude of each channel, 1.0 = full scale.
    pub peak: Vec<f32>,
    /// Root of the mean square of each channel.
    pub rms: Vec<f32>,
    /// Over all channels.
    pub counts: SampleCounts,
}

/// What [`Buffer::measure_into`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleCounts {
    /// Samples at or beyond full scale.
    pub clipped: u64,
    /// Samples that are digital silence.
    pub zeros: u64,
}

impl Buffer {
    /// Takes a reference over, which is given back when the `Buffer` is dropped.
    ///
    /// # Safety
    ///
    /// `raw` points to a buffer of the library, and one reference of it is the caller's to give away.
    #[must_use]
    pub unsafe fn from_raw(raw: NonNull<sys::acap_buffer>) -> Self {
        Self(raw)
    }

    /// Gives the reference away, to be released with `acap_buffer_release()` or
    /// [`from_raw`](Self::from_raw).
    #[must_use]
    pub fn into_raw(self) -> NonNull<sys::acap_buffer> {
        let raw = self.0;
        std::mem::forget(self);
        raw
    }

    /// The buffer for C functions; valid as long as this is.
    #[must_use]
    pub fn as_raw(&self) -> *const sys::acap_buffer {
        self.0.as_ptr()
    }

    /// Gives the buffer back now, as dropping it does.
    pub fn release(self) {}

    fn header(&self) -> &sys::acap_buffer {
        // SAFETY: this holds a reference, and the library does not write to a header that is out.
        unsafe { self.0.as_ref() }
    }

    // ---- data ----

    /// The samples of an interleaved buffer, frame after frame.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: they are of another format, or in planes, or the buffer came
    /// straight from a pool and has no format.
    pub fn samples<T: Sample>(&self) -> Result<&[T]> {
        // SAFETY: the data is initialized, and not written to while somebody has a reference.
        unsafe { view::samples(self.header()) }
    }

    /// The samples of one channel of a planar buffer.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: they are of another format, or interleaved, or there is no such
    /// channel.
    pub fn plane<T: Sample>(&self, channel: usize) -> Result<&[T]> {
        // SAFETY: the data is initialized, and not written to while somebody has a reference.
        unsafe { view::plane(self.header(), channel) }
    }

    /// Makes an owner of the buffer that derefs to its samples.
    ///
    /// # Errors
    ///
    /// As for [`samples`](Self::samples); the buffer is given back.
    pub fn into_samples<T: Sample>(self) -> Result<Samples<T>> {
        self.samples::<T>()?;
        Ok(Samples {
            buffer: self,
            _samples: PhantomData,
        })
    }

    /// The bytes, to write to, for the only holder.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidState`]: somebody else has a reference, too; the stream's history may be one
    /// who has.
    pub fn writable(&mut self) -> Result<&mut [u8]> {
        self.check_only_holder()?;
        // SAFETY: this is the only reference, and it is borrowed exclusively.
        Ok(unsafe { view::bytes_mut(self.header()) })
    }

    /// The samples of an interleaved buffer, to write to, for the only holder.
    ///
    /// # Errors
    ///
    /// As for [`samples`](Self::samples) and [`writable`](Self::writable).
    pub fn samples_mut<T: Sample>(&mut self) -> Result<&mut [T]> {
        self.check_only_holder()?;
        // SAFETY: this is the only reference, and it is borrowed exclusively.
        unsafe { view::samples_mut(self.header()) }
    }

    /// A count of one stays one: nobody else has a reference to clone, and this one is borrowed.
    fn check_only_holder(&mut self) -> Result<()> {
        // SAFETY: a buffer that is held.
        if !unsafe { sys::acap_buffer_writable_data(self.as_raw()) }.is_null() {
            return Ok(());
        }
        // In the child of a fork nothing is counted any more, clones included.
        // SAFETY: a buffer that is held; the reference that this takes is given back below.
        let counted = unsafe { sys::acap_buffer_retain(self.as_raw()) };
        if counted.is_null() {
            return Err(Error::brief(sys::ACAP_ERROR_FORKED));
        }
        // SAFETY: the reference that was taken above.
        unsafe { sys::acap_buffer_release(counted) };
        Err(Error::InvalidState(Cow::Borrowed(
            "only the only holder of a buffer may write to it",
        )))
    }

    // ---- levels ----

    /// Measures the levels on this thread.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: the buffer came straight from a pool and has no format.
    pub fn measure(&self) -> Result<Levels> {
        let mut peak = vec![0.0; self.channel_count()];
        let mut rms = vec![0.0; self.channel_count()];
        let counts = self.measure_into(&mut peak, &mut rms)?;
        Ok(Levels { peak, rms, counts })
    }

    /// Measures the levels into slices that have an element for each channel, or are empty where
    /// nobody wants to know. Does not allocate. Elements beyond the buffer's channels become 0.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`]: a slice is too short, or the buffer has no format.
    pub fn measure_into(&self, peak: &mut [f32], rms: &mut [f32]) -> Result<SampleCounts> {
        let lengths = [peak.len(), rms.len()];
        let shortest = lengths.into_iter().filter(|length| *length != 0).min();
        let room = shortest.unwrap_or(0);
        for longer in [&mut *peak, &mut *rms] {
            longer.iter_mut().skip(room).for_each(|value| *value = 0.0);
        }
        let array = |values: &mut [f32]| match values {
            [] => ptr::null_mut(),
            some => some.as_mut_ptr(),
        };
        let mut levels = sys::acap_levels {
            channel_count: u32::try_from(room).unwrap_or(u32::MAX),
            peak: array(peak),
            rms: array(rms),
            ..sys::acap_levels::INIT
        };
        // SAFETY: a buffer that is held, and arrays that have room for as many as channel_count says.
        check(unsafe { sys::acap_buffer_measure(self.as_raw(), &raw mut levels) })?;
        let sys::acap_levels { clipped, zeros, .. } = levels;
        Ok(SampleCounts { clipped, zeros })
    }

    // ---- header ----

    /// The stream's position of the first frame; frame i is `position + i`.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.header().position
    }

    /// When the first frame was captured, by [`clock_ns`](crate::clock_ns).
    #[must_use]
    pub fn time_ns(&self) -> i64 {
        self.header().time_ns
    }

    /// Bound of the error of [`time_ns`](Self::time_ns); `None` when unknown.
    #[must_use]
    pub fn time_error_ns(&self) -> Option<i64> {
        Some(self.header().time_error_ns).filter(|bound_ns| *bound_ns != i64::MAX)
    }

    /// Frames that the stream lost just before this buffer.
    #[must_use]
    pub fn lost_before(&self) -> u64 {
        self.header().lost_before
    }

    /// What is special about it.
    #[must_use]
    pub fn flags(&self) -> BufferFlags {
        BufferFlags::from_bits(self.header().flags)
    }

    /// Frames.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.header().frame_count as usize
    }

    /// Samples in a frame.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.header().channel_count as usize
    }

    /// Nominal rate.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        self.header().sample_rate_hz
    }

    /// What a sample is; `None` for a buffer that came straight from a pool.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match self.header().format {
            0 => None,
            number => Some(Format::from_number(number)),
        }
    }

    /// Bytes of data.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.header().size_bytes as usize
    }

    /// Planar: bytes from one channel to the next; 0: interleaved.
    #[must_use]
    pub fn plane_stride_bytes(&self) -> usize {
        self.header().plane_stride_bytes as usize
    }

    /// References at this moment, those of other readers included; for tests and debugging.
    #[must_use]
    pub fn reference_count(&self) -> u32 {
        // SAFETY: a buffer that is held.
        unsafe { sys::acap_buffer_reference_count(self.as_raw()) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: this reference is ours, and nobody has it afterwards.
        unsafe { sys::acap_buffer_release(self.as_raw()) };
    }
}

impl Clone for Buffer {
    /// Adds a reference.
    fn clone(&self) -> Self {
        // Of a buffer that is held it only fails in the child of a fork, where releasing does nothing
        // and the memory stays.
        // SAFETY: a buffer that is held.
        let _ = unsafe { sys::acap_buffer_retain(self.as_raw()) };
        Self(self.0)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    /// All bytes; of a planar buffer those between the planes included.
    fn deref(&self) -> &[u8] {
        // SAFETY: the data is initialized, and not written to while somebody has a reference.
        unsafe { view::bytes(self.header()) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Buffer")
            .field("position", &self.position())
            .field("frame_count", &self.frame_count())
            .field("channel_count", &self.channel_count())
            .field("format", &self.format())
            .field("flags", &self.flags())
            .finish_non_exhaustive()
    }
}

/// A buffer whose format has been checked: it derefs to its samples.
///
/// ```
/// use acap::{Context, ReaderConfig, Samples};
///
/// let context = Context::new()?;
/// let mut stream = context.open_stream("sim:counter?pace=manual")?;
/// let mut reader = stream.open_reader(ReaderConfig::new())?;
/// stream.start()?;
/// stream.sim_advance(960)?;
/// let samples: Samples<f32> = reader.borrow()?.into_samples()?;
/// drop((reader, stream, context));
/// assert_eq!(samples[0], -1.0);
/// assert_eq!(samples.frames().len(), 480);
/// # Ok::<(), acap::Error>(())
/// ```
#[derive(Clone)]
pub struct Samples<T: Sample> {
    buffer: Buffer,
    _samples: PhantomData<T>,
}

impl<T: Sample> Samples<T> {
    /// The buffer that they are in.
    #[must_use]
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The buffer alone.
    #[must_use]
    pub fn into_buffer(self) -> Buffer {
        self.buffer
    }

    /// Frame after frame, each one a slice with a sample of every channel.
    pub fn frames(&self) -> std::slice::ChunksExact<'_, T> {
        self.chunks_exact(self.buffer.channel_count().max(1))
    }

    /// Gives the buffer back now, as dropping it does.
    pub fn release(self) {}
}

impl<T: Sample> Deref for Samples<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // It never fails: into_samples() has looked, and a header does not change.
        self.buffer.samples().unwrap_or_default()
    }
}

impl<T: Sample> TryFrom<Buffer> for Samples<T> {
    type Error = Error;

    fn try_from(buffer: Buffer) -> Result<Self> {
        buffer.into_samples()
    }
}

impl<T: Sample> AsRef<[T]> for Samples<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T: Sample> fmt::Debug for Samples<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Samples")
            .field(&self.buffer)
            .finish()
    }
}
