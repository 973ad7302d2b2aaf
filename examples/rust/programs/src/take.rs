// SPDX-License-Identifier: MIT
//! The way from a reader's buffers to a file that keeps time: lost frames become silence, and the
//! length is exact to the frame.

use std::io::{self, Seek, Write};

use acap::Buffer;

use crate::wav::WavWriter;

/// One recording: `frames_captured + frames_silent == frames_written` of the file.
pub struct Take<F: Write + Seek> {
    out: WavWriter<F>,
    next_position: u64,
    frame_limit: Option<u64>,
    /// Frames that came from the device.
    pub frames_captured: u64,
    /// Frames of silence in place of lost ones.
    pub frames_silent: u64,
}

impl<F: Write + Seek> Take<F> {
    /// The file begins at a position of the stream, and has no more frames than the limit.
    #[must_use]
    pub fn new(out: WavWriter<F>, start_position: u64, frame_limit: Option<u64>) -> Self {
        Self {
            out,
            next_position: start_position,
            frame_limit,
            frames_captured: 0,
            frames_silent: 0,
        }
    }

    /// Whether the file is long enough.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.frame_limit
            .is_some_and(|limit| self.frames_written() >= limit)
    }

    /// Frames in the file.
    #[must_use]
    pub fn frames_written(&self) -> u64 {
        self.out.frames_written()
    }

    /// Writes a buffer, and before it the silence for what was lost since the one before.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn add(&mut self, buffer: &Buffer) -> io::Result<()> {
        self.skip_to(buffer.position())?;
        let frame_count = u64::try_from(buffer.frame_count()).map_err(io::Error::other)?;
        let count = self.clip(frame_count);
        let size_bytes = usize::try_from(count).map_err(io::Error::other)? * self.out.frame_bytes();
        self.out.write(&buffer[..size_bytes])?;
        self.frames_captured += count;
        self.next_position = buffer.position() + frame_count;
        Ok(())
    }

    /// Writes silence up to a position: frames between were lost, by whatever cause.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn skip_to(&mut self, position: u64) -> io::Result<()> {
        let count = self.clip(position.saturating_sub(self.next_position));
        self.out.write_silence(count)?;
        self.frames_silent += count;
        self.next_position = position;
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()
    }

    fn clip(&self, frame_count: u64) -> u64 {
        let room = self
            .frame_limit
            .map(|limit| limit.saturating_sub(self.frames_written()));
        room.map_or(frame_count, |room| frame_count.min(room))
    }
}
