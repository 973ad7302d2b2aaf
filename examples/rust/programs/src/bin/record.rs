// SPDX-License-Identifier: MIT
//! Records a device into a WAV file that keeps time.
//!
//! Ctrl-C ends the file properly. Lost frames become silence. What was delivered, lost and written is
//! reported at the end.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use acap::{
    Context, Error, Format, Overflow, Reader, ReaderConfig, Stream, StreamConfig, StreamInfo,
};
use acap_programs::Failure;
use acap_programs::cli::{self, Argument, Program, format_name, frames_in};
use acap_programs::take::Take;
use acap_programs::wav::WavWriter;

static PROGRAM: Program = Program {
    name: "acap-rs-record",
    help: "usage: acap-rs-record [-d DEVICE] [-r HZ] [-c COUNT] [-f FORMAT] [-t SECONDS] FILE\n\n\
           Records a capture device until interrupted (Ctrl-C), or for -t seconds.\n\n  \
           -d, --device DEVICE    id or part of the name; sim:sine is simulated\n  \
           -r, --rate HZ          sample rate\n  \
           -c, --channels COUNT   channels\n  \
           -f, --format FORMAT    s16 (default), s24, s32, f32 or u8\n  \
           -t, --time SECONDS     length of the file, exact to the frame\n  \
           -h, --help             this\n  \
           -V, --version          the version",
};

const OPTIONS: [(char, &str); 5] = [
    ('d', "device"),
    ('r', "rate"),
    ('c', "channels"),
    ('f', "format"),
    ('t', "time"),
];

/// Disks pause; nothing is lost until this much waits.
const QUEUE_SECONDS: u32 = 4;
/// Seven wake-ups a second instead of a hundred.
const WAKES_PER_SECOND: u32 = 7;
const STALL: Duration = Duration::from_secs(2);

type FileTake = Take<BufWriter<File>>;

struct Options {
    config: StreamConfig,
    seconds: Option<f64>,
    path: PathBuf,
}

fn options() -> Options {
    let mut arguments = PROGRAM.arguments();
    let mut config = StreamConfig::default().format(Format::S16);
    let (mut device, mut seconds, mut path) = (None, None, None);
    while let Some(argument) = arguments.next(&OPTIONS) {
        match argument {
            Argument::Option("device") => device = Some(arguments.value("device")),
            Argument::Option("rate") => {
                config = config.sample_rate_hz(arguments.parsed("rate", cli::parse_count))
            }
            Argument::Option("channels") => {
                config = config.channel_count(arguments.parsed("channels", cli::parse_count));
            }
            Argument::Option("format") => {
                config = config.format(arguments.parsed("format", cli::parse_format))
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
    if let Some(device) = device {
        config = config.device(device.to_string_lossy());
    }
    Options {
        config,
        seconds,
        path: path.unwrap_or_else(|| PROGRAM.refuse("a file is required")),
    }
}

/// Opened before the stream starts: the file begins with the device's first frame.
fn open_reader(stream: &Stream, info: &StreamInfo) -> acap::Result<Reader> {
    let buffers_per_second = info.sample_rate_hz.div_ceil(info.frames_per_buffer);
    let config = ReaderConfig::new()
        .queue_buffers((QUEUE_SECONDS * buffers_per_second).max(1))
        .wake_buffers(buffers_per_second / WAKES_PER_SECOND)
        .hold_buffers(1)
        .overflow(Overflow::DropNewest) // one long gap instead of many short ones
        .name(PROGRAM.name);
    stream.open_reader(config)
}

/// What is queued can still be borrowed, so that the file gets it all.
fn stop(stream: &Stream) {
    if let Err(error) = stream.stop() {
        PROGRAM.say(format_args!("the device did not stop cleanly: {error}"));
    }
}

/// Records until the file is long enough or nothing more comes.
fn record(
    stream: &Stream,
    reader: &mut Reader,
    take: &mut FileTake,
    path: &Path,
) -> Result<(), Failure> {
    let mut has_stalled = false;
    stream.start()?;
    while !take.is_full() {
        match reader.borrow_timeout(STALL) {
            Ok(buffer) => {
                has_stalled = false;
                take.add(&buffer).map_err(Failure::of_file(path))?;
            }
            Err(Error::TimedOut) => {
                if !has_stalled {
                    PROGRAM.say(format_args!(
                        "the device has delivered nothing for {} s",
                        STALL.as_secs()
                    ));
                }
                has_stalled = true;
            }
            Err(Error::Interrupted) => stop(stream),
            Err(Error::End) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Accounts for every frame.
fn report(
    path: &Path,
    info: &StreamInfo,
    stream: &Stream,
    reader: &Reader,
    take: &FileTake,
) -> acap::Result<()> {
    let (figures, source) = (reader.stats()?, stream.stats()?);
    let captured = figures.frames_delivered + figures.frames_queued;
    let rate_hz = u64::from(info.sample_rate_hz);
    let written = take.frames_captured + take.frames_silent;
    let milliseconds = (written * 1000 + rate_hz / 2) / rate_hz;
    PROGRAM.say(format_args!(
        "{}: {}.{:03} s, {written} frames of {} channels {} at {rate_hz} Hz",
        path.display(),
        milliseconds / 1000,
        milliseconds % 1000,
        info.channel_count,
        format_name(info.format),
    ));
    PROGRAM.say(format_args!(
        "captured {captured} = recorded {} + left out {}; lost {} (host {}, pool {}, queue {}); silence written {}",
        take.frames_captured,
        captured - take.frames_captured,
        figures.frames_lost,
        source.lost_host,
        source.lost_pool,
        figures.lost_queue,
        take.frames_silent,
    ));
    Ok(())
}

/// Opens, records, completes the file and reports, whatever happens in between.
fn run(options: &Options) -> Result<(), Failure> {
    let path = options.path.as_path();
    let context = Context::new()?;
    let stream = context.open_stream(&options.config)?;
    let info = stream.info()?;
    let limit = options
        .seconds
        .map(|seconds| frames_in(seconds, info.sample_rate_hz));
    let mut reader = open_reader(&stream, &info)?;
    #[cfg(unix)]
    {
        let controller = reader.controller();
        let end = move || drop(controller.interrupt());
        cli::end_by_signals(end).map_err(Failure::of_file(path))?;
    }
    let out = WavWriter::create(path, info.format, info.sample_rate_hz, info.channel_count)
        .map_err(Failure::of_file(path))?;
    let mut take = Take::new(out, reader.stats()?.start_position, limit);
    let recorded = record(&stream, &mut reader, &mut take, path);
    stop(&stream);
    let figures = reader.stats()?;
    let filled = if recorded.is_ok() && figures.frames_queued == 0 {
        take.skip_to(figures.end_position) // the silence for what was lost after the last buffer
    } else {
        Ok(())
    };
    report(path, &info, &stream, &reader, &take)?;
    let finished = take.finish();
    recorded?;
    filled.and(finished).map_err(Failure::of_file(path))
}

fn main() -> ExitCode {
    match run(&options()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            PROGRAM.say(failure);
            ExitCode::FAILURE
        }
    }
}
