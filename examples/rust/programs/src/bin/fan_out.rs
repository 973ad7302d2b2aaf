// SPDX-License-Identifier: MIT
//! One stream, three readers: a file, a level meter and a CRC-32 of the samples, each in a thread of its
//! own. All three see the very same buffers.

use std::fmt;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use acap::{
    Buffer, Context, Error, Format, Overflow, Reader, ReaderConfig, Stream, StreamConfig,
    StreamInfo,
};
use acap_programs::Failure;
use acap_programs::cli::{self, Argument, Program, frames_in};
use acap_programs::take::Take;
use acap_programs::wav::WavWriter;

static PROGRAM: Program = Program {
    name: "acap-rs-fan-out",
    help: "usage: acap-rs-fan-out [-d DEVICE] [-t SECONDS] FILE\n\n\
           Captures once for three readers: a file, a level meter and a checksum.\n\n  \
           -d, --device DEVICE    id or part of the name; sim:sine is simulated\n  \
           -t, --time SECONDS     how long; else until interrupted (Ctrl-C)\n  \
           -h, --help             this\n  \
           -V, --version          the version",
};

const QUEUE_SECONDS: u32 = 4;
const FLOOR_DB: f64 = -99.9;
const NAMES: [&str; 3] = ["file", "meter", "checksum"];

/// What a reader's thread does with a buffer, of which it takes the first frames.
trait Consumer: Send {
    fn consume(&mut self, buffer: &Buffer, frame_count: usize) -> Result<(), Failure>;
}

/// Writes a file that keeps time by position.
struct FileConsumer<'a> {
    take: Take<BufWriter<File>>,
    path: &'a Path,
}

impl Consumer for FileConsumer<'_> {
    fn consume(&mut self, buffer: &Buffer, _: usize) -> Result<(), Failure> {
        self.take.add(buffer).map_err(Failure::of_file(self.path))
    }
}

/// Peak and rms of each channel; whole buffers, so that it may hear a little too much.
struct Meter {
    peak: Vec<f64>,
    square_sum: Vec<f64>,
    frame_count: f64,
    clipped: u64,
}

impl Meter {
    fn new(channel_count: u32) -> Self {
        Self {
            peak: vec![0.0; channel_count as usize],
            square_sum: vec![0.0; channel_count as usize],
            frame_count: 0.0,
            clipped: 0,
        }
    }
}

impl Consumer for Meter {
    #[allow(clippy::cast_precision_loss, reason = "frames of one buffer")]
    fn consume(&mut self, buffer: &Buffer, _: usize) -> Result<(), Failure> {
        let levels = buffer.measure()?;
        let frame_count = buffer.frame_count() as f64;
        self.frame_count += frame_count;
        self.clipped += levels.counts.clipped;
        for (most, peak) in self.peak.iter_mut().zip(&levels.peak) {
            *most = most.max(f64::from(*peak));
        }
        for (sum, rms) in self.square_sum.iter_mut().zip(&levels.rms) {
            *sum += f64::from(*rms).powi(2) * frame_count;
        }
        Ok(())
    }
}

fn decibels(amplitude: f64) -> f64 {
    (20.0 * amplitude.log10()).max(FLOOR_DB)
}

impl fmt::Display for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (peak, square_sum)) in self.peak.iter().zip(&self.square_sum).enumerate() {
            let (peak, rms) = (
                decibels(*peak),
                decibels((square_sum / self.frame_count.max(1.0)).sqrt()),
            );
            write!(
                formatter,
                "channel {} peak {peak:.1} dB rms {rms:.1} dB, ",
                index + 1
            )?;
        }
        write!(formatter, "{} clipped samples", self.clipped)
    }
}

/// CRC-32 of the samples, as gzip has it.
struct Checksum {
    table: [u32; 256],
    crc32: u32,
    frame_count: usize,
}

impl Checksum {
    fn new() -> Self {
        let mut table = [0; 256];
        for (value, entry) in (0_u32..).zip(&mut table) {
            let step = |crc: u32, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            *entry = (0..8).fold(value, step);
        }
        Self {
            table,
            crc32: 0,
            frame_count: 0,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let step = |crc: u32, byte: &u8| {
            let [low, ..] = crc.to_le_bytes();
            self.table[usize::from(low ^ byte)] ^ crc >> 8
        };
        self.crc32 = !bytes.iter().fold(!self.crc32, step);
    }
}

impl Consumer for Checksum {
    fn consume(&mut self, buffer: &Buffer, frame_count: usize) -> Result<(), Failure> {
        self.add(&buffer[..buffer.size_bytes() / buffer.frame_count() * frame_count]);
        self.frame_count += frame_count;
        Ok(())
    }
}

/// Consumes until there is nothing more, or enough.
fn consume_all(
    stream: &Stream,
    reader: &mut Reader,
    consumer: &mut dyn Consumer,
    limit: Option<u64>,
) -> Result<(), Failure> {
    let mut room = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    while room > 0 {
        match reader.borrow() {
            Ok(buffer) => {
                let count = buffer.frame_count().min(room);
                consumer.consume(&buffer, count)?;
                room -= count;
            }
            Err(Error::Interrupted) => stream.stop()?,
            Err(Error::End) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// All are there before the stream starts, and begin with the same frame.
fn open_reader(stream: &Stream, info: &StreamInfo, name: &str) -> acap::Result<Reader> {
    let buffers_per_second = info.sample_rate_hz.div_ceil(info.frames_per_buffer);
    let config = ReaderConfig::new()
        .queue_buffers(QUEUE_SECONDS * buffers_per_second)
        .hold_buffers(1)
        .overflow(Overflow::DropNewest)
        .name(name);
    stream.open_reader(config)
}

/// Runs a thread for each reader until all of them are done; their outcomes, or why nothing started.
fn capture(
    stream: &Stream,
    readers: &mut [Reader],
    consumers: [&mut dyn Consumer; 3],
    limit: Option<u64>,
) -> Result<Vec<Result<(), Failure>>, Failure> {
    let controllers: Vec<_> = readers.iter().map(Reader::controller).collect();
    thread::scope(|scope| {
        let work = |(reader, consumer): (&'_ mut Reader, _)| {
            let outcome = consume_all(stream, reader, consumer, limit);
            if outcome.is_err() {
                // Half of the results are no use: the others end too.
                let _ = stream.stop();
            }
            outcome
        };
        let spawn = |pair| scope.spawn(move || work(pair));
        let threads: Vec<_> = readers.iter_mut().zip(consumers).map(spawn).collect();
        let started = stream.start();
        if started.is_err() {
            for controller in &controllers {
                controller.end()?;
            }
        }
        let outcomes = threads.into_iter().map(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let outcomes = outcomes.collect();
        started?;
        stream.stop()?;
        Ok(outcomes)
    })
}

/// Accounts for every frame.
fn print_ledger(name: &str, reader: &Reader) -> acap::Result<()> {
    let figures = reader.stats()?;
    println!(
        "ledger of {name}: from {} + delivered {} + lost {} (stream {}, queue {}) + queued {} = {}",
        figures.start_position,
        figures.frames_delivered,
        figures.frames_lost,
        figures.lost_stream,
        figures.lost_queue,
        figures.frames_queued,
        figures.end_position,
    );
    Ok(())
}

struct Options {
    config: StreamConfig,
    seconds: Option<f64>,
    path: PathBuf,
}

fn options() -> Options {
    let mut arguments = PROGRAM.arguments();
    let mut config = StreamConfig::default().format(Format::S16);
    let (mut seconds, mut path) = (None, None);
    while let Some(argument) = arguments.next(&[('d', "device"), ('t', "time")]) {
        match argument {
            Argument::Option("device") => {
                config = config.device(arguments.value("device").to_string_lossy())
            }
            Argument::Option(option) => {
                seconds = Some(arguments.parsed(option, cli::parse_seconds))
            }
            Argument::Plain(word) if path.is_none() => path = Some(PathBuf::from(word)),
            Argument::Plain(word) => PROGRAM.refuse(format_args!(
                "{} is one file too many",
                word.to_string_lossy()
            )),
        }
    }
    Options {
        config,
        seconds,
        path: path.unwrap_or_else(|| PROGRAM.refuse("a file is required")),
    }
}

fn open_readers(stream: &Stream, info: &StreamInfo) -> acap::Result<Vec<Reader>> {
    NAMES
        .iter()
        .map(|name| open_reader(stream, info, name))
        .collect()
}

#[cfg(unix)]
fn interrupt_on_signals(readers: &[Reader]) -> std::io::Result<()> {
    let controllers: Vec<_> = readers.iter().map(Reader::controller).collect();
    cli::end_by_signals(move || {
        for controller in &controllers {
            // A reader that is closed by now has nothing to interrupt.
            let _ = controller.interrupt();
        }
    })
}

/// Tells of failures; whether there were none.
fn report_failures(outcomes: Vec<Result<(), Failure>>) -> bool {
    let mut is_well = true;
    for (name, outcome) in NAMES.iter().zip(outcomes) {
        if let Err(failure) = outcome {
            PROGRAM.say(format_args!("{name}: {failure}"));
            is_well = false;
        }
    }
    is_well
}

/// Opens everything, captures, completes the file and reports; whether all went well.
fn run(options: &Options) -> Result<bool, Failure> {
    let path = options.path.as_path();
    let of_file = Failure::of_file(path);
    let context = Context::new()?;
    let stream = context.open_stream(&options.config)?;
    let info = stream.info()?;
    let limit = options
        .seconds
        .map(|seconds| frames_in(seconds, info.sample_rate_hz));
    let mut readers = open_readers(&stream, &info)?;
    #[cfg(unix)]
    interrupt_on_signals(&readers).map_err(&of_file)?;
    let out = WavWriter::create(path, info.format, info.sample_rate_hz, info.channel_count)
        .map_err(&of_file)?;
    let take = Take::new(out, readers[0].stats()?.start_position, limit);
    let mut file = FileConsumer { take, path };
    let (mut meter, mut checksum) = (Meter::new(info.channel_count), Checksum::new());
    let outcomes = capture(
        &stream,
        &mut readers,
        [&mut file, &mut meter, &mut checksum],
        limit,
    )?;
    let figures = readers[0].stats()?;
    let mut take = file.take;
    if outcomes[0].is_ok() && figures.frames_queued == 0 {
        take.skip_to(figures.end_position).map_err(&of_file)?;
    }
    let (written, silent) = (take.frames_written(), take.frames_silent);
    println!(
        "file: {}, {written} frames, {silent} of them silence for lost ones",
        path.display()
    );
    println!("meter: {meter}");
    println!(
        "checksum: crc32 {:08x} of {} frames",
        checksum.crc32, checksum.frame_count
    );
    for (name, reader) in NAMES.iter().zip(&readers) {
        print_ledger(name, reader)?;
    }
    let is_well = report_failures(outcomes);
    let finished = take.finish();
    if is_well {
        finished.map_err(&of_file)?;
    }
    Ok(is_well)
}

fn main() -> ExitCode {
    match run(&options()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            PROGRAM.say(failure);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    #[test]
    fn the_checksum_is_that_of_gzip() {
        let mut checksum = Checksum::new();
        checksum.add(b"12345");
        checksum.add(b"6789");
        assert_eq!(checksum.crc32, 0xcbf4_3926);
    }
}
