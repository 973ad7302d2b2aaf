// SPDX-License-Identifier: MIT
//! WAV files of any acap format; beyond 4 GB they become RF64.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use acap::Format;

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;
/// What follows the tag in the subformat of an extensible file.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const SILENCE_FRAMES: u64 = 4096;

/// A WAV file that is being written.
///
/// Its header is right after every second of sound, so that a file that is never finished, because
/// the power fails, plays but for its last second.
pub struct WavWriter<F: Write + Seek = BufWriter<File>> {
    file: F,
    format: Format,
    sample_rate_hz: u32,
    channel_count: u16,
    frames_written: u64,
    next_header_frame: u64,
}

impl WavWriter {
    /// Makes a file anew.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn create(
        path: &Path,
        format: Format,
        sample_rate_hz: u32,
        channel_count: u32,
    ) -> io::Result<Self> {
        if cfg!(target_endian = "big") {
            return Err(io::Error::other(
                "WAV files are little endian, and this machine is not",
            ));
        }
        Self::new(
            BufWriter::new(File::create(path)?),
            format,
            sample_rate_hz,
            channel_count,
        )
    }
}

impl<F: Write + Seek> WavWriter<F> {
    /// Writes into an empty file.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn new(
        file: F,
        format: Format,
        sample_rate_hz: u32,
        channel_count: u32,
    ) -> io::Result<Self> {
        let channel_count = u16::try_from(channel_count).map_err(io::Error::other)?;
        let mut writer = Self {
            file,
            format,
            sample_rate_hz,
            channel_count,
            frames_written: 0,
            next_header_frame: sample_rate_hz.into(),
        };
        writer.file.write_all(&writer.header())?;
        Ok(writer)
    }

    /// Frames in the file.
    #[must_use]
    pub fn frames_written(&self) -> u64 {
        self.frames_written
    }

    /// Bytes of a frame.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.format.sample_bytes() * usize::from(self.channel_count)
    }

    /// Writes interleaved frames.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all(frames)?;
        self.frames_written += to_u64(frames.len() / self.frame_bytes());
        if self.frames_written >= self.next_header_frame {
            self.next_header_frame = self.frames_written + u64::from(self.sample_rate_hz);
            self.update_header()?;
        }
        Ok(())
    }

    /// Writes digital silence.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn write_silence(&mut self, frame_count: u64) -> io::Result<()> {
        let silence = if self.format == Format::U8 { 128 } else { 0 };
        let mut left = frame_count;
        while left > 0 {
            let count = left.min(SILENCE_FRAMES);
            let block = vec![
                silence;
                usize::try_from(count).map_err(io::Error::other)? * self.frame_bytes()
            ];
            self.write(&block)?;
            left -= count;
        }
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// Of the file.
    pub fn finish(mut self) -> io::Result<()> {
        if self.data_bytes() % 2 != 0 {
            self.file.write_all(&[0])?; // chunks have an even length
        }
        self.update_header()
    }

    fn data_bytes(&self) -> u64 {
        self.frames_written * to_u64(self.frame_bytes())
    }

    fn update_header(&mut self) -> io::Result<()> {
        let end = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&self.header())?;
        self.file.seek(SeekFrom::Start(end))?;
        self.file.flush()
    }

    fn header(&self) -> Vec<u8> {
        let mut chunks = chunk(b"fmt ", &self.format_chunk());
        if self.format == Format::F32 {
            chunks.extend(chunk(b"fact", &at_most_32(self.frames_written)));
        }
        let data_bytes = self.data_bytes();
        // "WAVE", the room for ds64, the chunks, the head of "data", and an even number of bytes
        let riff_bytes = 4 + 36 + to_u64(chunks.len()) + 8 + data_bytes + data_bytes % 2;
        let is_large = riff_bytes > u32::MAX.into();
        let mut header = Vec::with_capacity(128);
        header.extend(if is_large { b"RF64" } else { b"RIFF" });
        header.extend(at_most_32(riff_bytes));
        header.extend(b"WAVE");
        if is_large {
            let mut sizes = [riff_bytes, data_bytes, self.frames_written]
                .map(u64::to_le_bytes)
                .concat();
            sizes.extend([0; 4]);
            header.extend(chunk(b"ds64", &sizes));
        } else {
            header.extend(chunk(b"JUNK", &[0; 28]));
        }
        header.extend(chunks);
        header.extend(b"data");
        header.extend(if is_large {
            [0xff; 4]
        } else {
            at_most_32(data_bytes)
        });
        header
    }

    fn format_chunk(&self) -> Vec<u8> {
        let tag = if self.format == Format::F32 {
            IEEE_FLOAT
        } else {
            PCM
        };
        let is_extensible = self.channel_count > 2;
        let frame_bytes = at_most_32(to_u64(self.frame_bytes()));
        let byte_rate = u64::from(self.sample_rate_hz) * to_u64(self.frame_bytes());
        let bits = [at_most_32(to_u64(self.format.sample_bytes() * 8))[0], 0];
        let mut chunk = Vec::with_capacity(40);
        chunk.extend(if is_extensible { EXTENSIBLE } else { tag }.to_le_bytes());
        chunk.extend(self.channel_count.to_le_bytes());
        chunk.extend(self.sample_rate_hz.to_le_bytes());
        chunk.extend(at_most_32(byte_rate));
        chunk.extend(&frame_bytes[..2]);
        chunk.extend(bits);
        if is_extensible {
            chunk.extend(22_u16.to_le_bytes());
            chunk.extend(bits);
            chunk.extend(0_u32.to_le_bytes());
            chunk.extend(tag.to_le_bytes());
            chunk.extend(GUID_TAIL);
        } else if tag == IEEE_FLOAT {
            chunk.extend(0_u16.to_le_bytes());
        }
        chunk
    }
}

fn to_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// A number in 32 bits, or the largest one.
fn at_most_32(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = name.to_vec();
    chunk.extend(at_most_32(to_u64(content.len())));
    chunk.extend(content);
    chunk
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use acap::Format;

    use super::WavWriter;

    fn number(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn beyond_4_gb_it_is_rf64() {
        let mut file = Cursor::new(Vec::new());
        let mut out = WavWriter::new(&mut file, Format::S16, 48_000, 2).unwrap();
        out.write(&[0; 400]).unwrap();
        out.frames_written += 1 << 31;
        out.finish().unwrap();
        let bytes = file.into_inner();
        assert_eq!(&bytes[..20], b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0");
        let sizes: Vec<u64> = bytes[20..44]
            .chunks_exact(8)
            .map(|size| u64::from_le_bytes(size.try_into().unwrap()))
            .collect();
        assert_eq!(sizes[1], (1 << 33) + 400);
        assert_eq!(sizes[2], (1 << 31) + 100);
        assert_eq!(sizes[0], sizes[1] + 4 + 36 + 24 + 8);
        assert_eq!(&bytes[72..80], b"data\xff\xff\xff\xff");
    }

    #[test]
    fn a_file_of_odd_length() {
        let mut file = Cursor::new(Vec::new());
        let mut out = WavWriter::new(&mut file, Format::U8, 8000, 1).unwrap();
        out.write_silence(3).unwrap();
        out.finish().unwrap();
        let bytes = file.into_inner();
        assert_eq!(&bytes[bytes.len() - 12..], b"data\x03\0\0\0\x80\x80\x80\0");
        assert_eq!(number(&bytes, 4) as usize, bytes.len() - 8);
    }

    #[test]
    fn a_file_that_is_never_finished_plays() {
        let mut file = Cursor::new(Vec::new());
        let mut out = WavWriter::new(&mut file, Format::F32, 8000, 1).unwrap();
        for _ in 0..20 {
            out.write(&[0; 4000]).unwrap();
        }
        let bytes = file.into_inner();
        let data = bytes.windows(4).position(|word| word == b"data").unwrap();
        assert_eq!(number(&bytes, data + 4), 16_000 * 4);
        assert_eq!(&bytes[data - 12..data - 4], b"fact\x04\0\0\0");
        assert_eq!(number(&bytes, data - 4), 16_000);
    }
}
