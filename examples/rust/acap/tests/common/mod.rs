// SPDX-License-Identifier: MIT
//! What the tests share: a device in virtual time, the counter's formula, the account.
#![allow(dead_code, reason = "each test uses some of it")]

use std::thread;
use std::time::{Duration, Instant};

use acap::{
    Buffer, Context, Error, Format, Pool, Reader, ReaderConfig, ReaderStats, S24, Sample, Stream,
    StreamConfig,
};

/// A counting device that captures only when told to: 480 frames of 48 kHz stereo a callback.
pub const COUNTER: &str = "sim:counter?pace=manual&period=480";
/// Frames in a buffer of 10 ms.
pub const FRAMES: u64 = 480;
/// Nothing in a test takes so long.
pub const LONG: Duration = Duration::from_secs(30);

/// A sample of sim:counter, by the formula in acap.h.
pub trait Counted: Sample + PartialEq + std::fmt::Debug {
    fn counted(position: u64, channel: u64) -> Self;
}

fn modulo_24(position: u64, channel: u64) -> i32 {
    i32::try_from(((position & 0xffff_ffff) + channel * 0x01_0101) % (1 << 24)).unwrap()
}

impl Counted for i16 {
    fn counted(position: u64, channel: u64) -> Self {
        let value = ((position & 0xffff_ffff) + channel * 0x1111) % (1 << 16);
        Self::from_ne_bytes(u16::try_from(value).unwrap().to_ne_bytes())
    }
}

impl Counted for S24 {
    fn counted(position: u64, channel: u64) -> Self {
        Self::from_i32(modulo_24(position, channel))
    }
}

impl Counted for i32 {
    fn counted(position: u64, channel: u64) -> Self {
        let value = ((position & 0xffff_ffff) << 8 | channel) & 0xffff_ffff;
        Self::from_ne_bytes(u32::try_from(value).unwrap().to_ne_bytes())
    }
}

impl Counted for f32 {
    #[allow(clippy::cast_precision_loss, reason = "24 bits fit")]
    fn counted(position: u64, channel: u64) -> Self {
        (modulo_24(position, channel) - (1 << 23)) as Self / 8_388_608.0
    }
}

impl Counted for u8 {
    fn counted(position: u64, channel: u64) -> Self {
        Self::try_from(((position & 0xffff_ffff) + channel * 17) % 256).unwrap()
    }
}

/// Proves that a buffer of sim:counter holds the frames that its position says.
pub fn assert_counts_as<T: Counted>(buffer: &Buffer) {
    let position = |frame: usize| buffer.position() + u64::try_from(frame).unwrap();
    if buffer.plane_stride_bytes() == 0 {
        let samples = buffer.samples::<T>().unwrap();
        let channel_count = buffer.channel_count();
        assert_eq!(samples.len(), buffer.frame_count() * channel_count);
        for (index, sample) in samples.iter().enumerate() {
            let channel = u64::try_from(index % channel_count).unwrap();
            assert_eq!(
                *sample,
                T::counted(position(index / channel_count), channel)
            );
        }
    } else {
        for channel in 0..buffer.channel_count() {
            let samples = buffer.plane::<T>(channel).unwrap();
            assert_eq!(samples.len(), buffer.frame_count());
            for (frame, sample) in samples.iter().enumerate() {
                assert_eq!(
                    *sample,
                    T::counted(position(frame), u64::try_from(channel).unwrap())
                );
            }
        }
    }
}

/// The same, whatever its format.
pub fn assert_counts(buffer: &Buffer) {
    match buffer.format() {
        Some(Format::S16) => assert_counts_as::<i16>(buffer),
        Some(Format::S24) => assert_counts_as::<S24>(buffer),
        Some(Format::S32) => assert_counts_as::<i32>(buffer),
        Some(Format::F32) => assert_counts_as::<f32>(buffer),
        Some(Format::U8) => assert_counts_as::<u8>(buffer),
        other => panic!("{other:?}"),
    }
}

/// The conservation law of a reader.
pub fn assert_reader_law(figures: &ReaderStats) {
    let accounted = figures.start_position
        + figures.frames_delivered
        + figures.frames_lost
        + figures.frames_queued;
    assert_eq!(accounted, figures.end_position, "{figures:?}");
    assert_eq!(
        figures.frames_lost,
        figures.lost_stream + figures.lost_queue,
        "{figures:?}"
    );
}

/// That of a stream.
pub fn assert_stream_law(stream: &Stream) {
    let figures = stream.stats().unwrap();
    assert_eq!(
        figures.position,
        figures.frames_captured + figures.frames_lost,
        "{figures:?}"
    );
    assert_eq!(
        figures.frames_lost,
        figures.lost_pool + figures.lost_host,
        "{figures:?}"
    );
}

/// That of a pool, of which nobody has a buffer, and nobody gave one back twice.
pub fn assert_all_back(pool: &Pool) {
    let figures = pool.stats().unwrap();
    assert_eq!(
        figures.acquired,
        figures.released + u64::from(figures.in_use),
        "{figures:?}"
    );
    assert_eq!(
        figures.free_buffers,
        figures.capacity - figures.in_use,
        "{figures:?}"
    );
    assert_eq!(
        (figures.in_use, figures.rejected_releases),
        (0, 0),
        "{figures:?}"
    );
}

/// A stream that runs and its reader, with the account of what that got. To be finished with
/// [`Rig::finish`], which compares what was got with what reader, stream and pool say.
pub struct Rig {
    pub context: Context,
    pub stream: Stream,
    pub reader: Reader,
    start: u64,
    next: u64,
    pub frames: u64,
    pub gaps: u64,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(COUNTER, ReaderConfig::new())
    }

    pub fn with(config: impl Into<StreamConfig>, reader: ReaderConfig) -> Self {
        let context = Context::new().unwrap();
        let stream = context.open_stream(config).unwrap();
        let reader = stream.open_reader(reader).unwrap();
        stream.start().unwrap();
        let start = reader.stats().unwrap().start_position;
        Self {
            context,
            stream,
            reader,
            start,
            next: start,
            frames: 0,
            gaps: 0,
        }
    }

    pub fn advance(&mut self, buffer_count: u64) {
        self.stream.sim_advance(buffer_count * FRAMES).unwrap();
    }

    /// Adds a buffer to the account.
    pub fn add(&mut self, buffer: &Buffer) {
        assert!(
            buffer.position() >= self.next,
            "frames came twice or out of order"
        );
        let frame_count = u64::try_from(buffer.frame_count()).unwrap();
        self.gaps += buffer.position() - self.next;
        self.frames += frame_count;
        self.next = buffer.position() + frame_count;
    }

    /// Borrows what is queued, and adds it.
    pub fn take(&mut self) -> Option<Buffer> {
        let buffer = match self.reader.try_borrow() {
            Ok(taken) => taken?,
            Err(Error::End | Error::DeviceLost(_)) => return None,
            Err(error) => panic!("{error}"),
        };
        self.add(&buffer);
        Some(buffer)
    }

    /// Takes and releases all that is queued, and tells the positions.
    pub fn drain(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.take().map(|buffer| buffer.position())).collect()
    }

    /// Drains, compares, closes. All buffers must be back.
    pub fn finish(mut self) {
        self.drain();
        let figures = self.reader.stats().unwrap();
        assert_reader_law(&figures);
        assert_stream_law(&self.stream);
        assert_eq!(figures.start_position, self.start);
        assert_eq!(figures.frames_queued, 0);
        assert_eq!(figures.frames_delivered, self.frames);
        assert_eq!(
            figures.frames_lost,
            self.gaps + figures.end_position - self.next
        );
        let pool = self.stream.pool().unwrap();
        drop((self.reader, self.stream, self.context));
        assert_all_back(&pool);
    }
}

/// Waits for what another thread is about to do.
pub fn wait_until(is_so: impl Fn() -> bool) {
    let limit = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < limit, "it never happened");
        thread::yield_now();
    }
}

/// What a thread returned; its panic is the test's.
pub fn join<T>(thread: thread::JoinHandle<T>) -> T {
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
