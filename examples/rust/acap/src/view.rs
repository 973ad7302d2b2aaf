// SPDX-License-Identifier: MIT
//! Slices of a buffer's memory: all the unsafe arithmetic of this crate, without a call of the library,
//! so that Miri can run its tests.

use std::borrow::Cow;
use std::slice;

use acap_sys::acap_buffer;

use crate::error::{Error, Result};
use crate::sample::Sample;
use crate::types::Format;

fn refuse<T>(text: String) -> Result<T> {
    Err(Error::InvalidArgument(Cow::Owned(text)))
}

/// Where samples begin, and how many there are.
type Run<T> = (*const T, usize);

fn check_format<T: Sample>(header: &acap_buffer) -> Result<()> {
    match Format::from_number(header.format) {
        format if format == T::FORMAT => Ok(()),
        Format::Unknown(0) => {
            refuse("a buffer that came straight from a pool has bytes, but no samples".into())
        }
        format => refuse(format!("the samples are {format:?}, not {:?}", T::FORMAT)),
    }
}

/// The samples that begin at an offset, if the buffer has as many.
fn run<T>(header: &acap_buffer, offset_bytes: usize, count: usize) -> Result<Run<T>> {
    let end_bytes = count
        .checked_mul(size_of::<T>())
        .and_then(|size_bytes| size_bytes.checked_add(offset_bytes));
    if end_bytes.is_none_or(|end_bytes| end_bytes > header.size_bytes as usize) {
        return refuse("the buffer's header does not fit its data".into());
    }
    let begin = header
        .data
        .cast::<u8>()
        .wrapping_add(offset_bytes)
        .cast::<T>();
    if !begin.is_aligned() {
        return refuse("the buffer's samples are not aligned".into());
    }
    Ok((begin, count))
}

fn is_one_run(header: &acap_buffer) -> bool {
    header.plane_stride_bytes == 0 || header.channel_count == 1
}

fn all<T: Sample>(header: &acap_buffer) -> Result<Run<T>> {
    check_format::<T>(header)?;
    if !is_one_run(header) {
        return refuse(
            "the buffer is planar: its samples are in planes, one for each channel".into(),
        );
    }
    run(
        header,
        0,
        header.frame_count as usize * header.channel_count as usize,
    )
}

/// All of the data.
///
/// # Safety
///
/// `data` points to `size_bytes` initialized bytes that nobody writes to as long as the header is
/// borrowed.
pub(crate) unsafe fn bytes(header: &acap_buffer) -> &[u8] {
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(header.data.cast(), header.size_bytes as usize) }
}

/// The samples of an interleaved buffer, or of a planar one with one channel.
///
/// # Safety
///
/// As for `bytes`.
pub(crate) unsafe fn samples<T: Sample>(header: &acap_buffer) -> Result<&[T]> {
    let (begin, count) = all::<T>(header)?;
    // SAFETY: within the data, aligned, and all bits are valid samples; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(begin, count) })
}

/// One channel of a planar buffer, or the only one of an interleaved buffer.
///
/// # Safety
///
/// As for `bytes`.
pub(crate) unsafe fn plane<T: Sample>(header: &acap_buffer, channel: usize) -> Result<&[T]> {
    check_format::<T>(header)?;
    if header.plane_stride_bytes == 0 && header.channel_count != 1 {
        return refuse("the buffer is interleaved: its channels are not in planes".into());
    }
    if channel >= header.channel_count as usize {
        return refuse(format!(
            "there is no channel {channel} among {}",
            header.channel_count
        ));
    }
    let offset_bytes = channel * header.plane_stride_bytes as usize;
    let (begin, count) = run::<T>(header, offset_bytes, header.frame_count as usize)?;
    // SAFETY: within the data, aligned, and all bits are valid samples; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(begin, count) })
}

/// All of the data, to write to.
///
/// # Safety
///
/// `data` points to `size_bytes` initialized bytes that nobody else reads or writes as long as the
/// header is borrowed.
#[allow(clippy::mut_from_ref, reason = "the promise is the caller's")]
pub(crate) unsafe fn bytes_mut(header: &acap_buffer) -> &mut [u8] {
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts_mut(header.data.cast_mut().cast(), header.size_bytes as usize) }
}

/// The samples of an interleaved buffer, to write to.
///
/// # Safety
///
/// As for `bytes_mut`.
#[allow(clippy::mut_from_ref, reason = "the promise is the caller's")]
pub(crate) unsafe fn samples_mut<T: Sample>(header: &acap_buffer) -> Result<&mut [T]> {
    let (begin, count) = all::<T>(header)?;
    // SAFETY: within the data, aligned, and all bits are valid samples; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts_mut(begin.cast_mut(), count) })
}

/// No call of the library in here, so that Miri can run it.
#[cfg(test)]
#[allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "two looks at the same memory"
)]
mod tests {
    use acap_sys::{ACAP_FORMAT_F32, ACAP_FORMAT_S16, ACAP_FORMAT_S24, acap_buffer};

    use super::{bytes, bytes_mut, plane, samples, samples_mut};
    use crate::error::Error;
    use crate::sample::S24;

    #[repr(C, align(64))]
    struct Memory([u8; 256]);

    fn header(
        memory: &mut Memory,
        format: u32,
        channel_count: u32,
        frame_count: u32,
        stride: u32,
    ) -> acap_buffer {
        // SAFETY: all members are numbers or pointers, which may be zero.
        let zero: acap_buffer = unsafe { std::mem::zeroed() };
        acap_buffer {
            data: (&raw mut memory.0).cast(),
            size_bytes: 256,
            frame_count,
            channel_count,
            format,
            plane_stride_bytes: stride,
            ..zero
        }
    }

    fn counting() -> Memory {
        Memory(std::array::from_fn(|index| u8::try_from(index).unwrap()))
    }

    #[test]
    fn interleaved_samples_are_one_slice() {
        let mut memory = counting();
        let header = header(&mut memory, ACAP_FORMAT_S16, 2, 64, 0);
        // SAFETY: the memory lives, and nobody writes to it.
        let (all, one) = unsafe { (samples::<i16>(&header).unwrap(), bytes(&header)) };
        assert_eq!(all.len(), 128);
        assert_eq!(all[1], i16::from_ne_bytes([2, 3]));
        assert_eq!(all.as_ptr().cast::<u8>(), one.as_ptr());
        assert_eq!(one.len(), 256);
    }

    #[test]
    fn planes_begin_at_their_stride() {
        let mut memory = counting();
        let header = header(&mut memory, ACAP_FORMAT_S24, 3, 20, 64);
        for channel in 0..3 {
            // SAFETY: the memory lives, and nobody writes to it.
            let samples = unsafe { plane::<S24>(&header, channel).unwrap() };
            assert_eq!(samples.len(), 20);
            let first = u8::try_from(channel * 64).unwrap();
            assert_eq!(samples[0].to_i32().to_ne_bytes()[0], first);
        }
        // SAFETY: the same.
        let (missing, flat) = unsafe { (plane::<S24>(&header, 3), samples::<S24>(&header)) };
        assert!(missing.unwrap_err().text().contains("no channel 3 among 3"));
        assert!(flat.unwrap_err().text().contains("planar"));
    }

    #[test]
    fn one_channel_is_both() {
        let mut memory = counting();
        for stride in [0, 64] {
            let header = header(&mut memory, ACAP_FORMAT_F32, 1, 16, stride);
            // SAFETY: the memory lives, and nobody writes to it.
            let (flat, channel) = unsafe { (samples::<f32>(&header), plane::<f32>(&header, 0)) };
            assert_eq!(flat.unwrap(), channel.unwrap());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut memory = counting();
        for (format, channel_count, frame_count, words) in [
            (ACAP_FORMAT_S16, 2, 64, "the samples are S16, not F32"),
            (0, 0, 0, "straight from a pool"),
            (ACAP_FORMAT_F32, 2, 33, "does not fit"),
            (ACAP_FORMAT_F32, u32::MAX, u32::MAX, "does not fit"),
        ] {
            let header = header(&mut memory, format, channel_count, frame_count, 0);
            // SAFETY: the memory lives, and nobody writes to it.
            let error = unsafe { samples::<f32>(&header) }.unwrap_err();
            assert!(matches!(error, Error::InvalidArgument(_)));
            assert!(error.text().contains(words), "{error:?}");
        }
    }

    #[test]
    fn a_slice_to_write_to_writes() {
        let mut memory = counting();
        let mut header = header(&mut memory, ACAP_FORMAT_F32, 2, 32, 0);
        // SAFETY: nobody else looks at the memory.
        let samples = unsafe { samples_mut::<f32>(&header) }.unwrap();
        samples[63] = 0.5;
        // SAFETY: the same.
        let bytes_to_fill = unsafe { bytes_mut(&header) };
        bytes_to_fill[0] = 99;
        header.frame_count = 1;
        // SAFETY: the memory lives, and nobody writes to it.
        assert_eq!(unsafe { bytes(&header) }[0], 99);
        assert_eq!(memory.0[252..], 0.5_f32.to_ne_bytes());
    }
}
