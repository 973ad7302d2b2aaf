// SPDX-License-Identifier: MIT
//! The programs, as people run them, and the file that keeps time.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use acap::{Context, Format, Overflow, ReaderConfig, StreamConfig};
use acap_programs::take::Take;
use acap_programs::wav::WavWriter;

const DEVICES: &str = env!("CARGO_BIN_EXE_acap-rs-devices");
const RECORD: &str = env!("CARGO_BIN_EXE_acap-rs-record");
const FAN_OUT: &str = env!("CARGO_BIN_EXE_acap-rs-fan-out");
const LONG: Duration = Duration::from_secs(30);

/// A file of a test, which is not there yet.
fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => path,
    }
}

fn run(program: &str, arguments: &[&str], path: Option<&Path>) -> (Output, String, String) {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(path)
        .env("ACAP_BACKEND", "sim")
        .env_remove("ACAP_DEVICE");
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    (output, out, errors)
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// A WAV file's format chunk and data.
fn read_wav(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    assert_eq!((&bytes[..4], &bytes[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    assert_eq!(number(bytes, 4), bytes.len() - 8);
    let (mut format, mut data, mut at) = (None, None, 12);
    while at < bytes.len() {
        let size = number(bytes, at + 4);
        let content = bytes[at + 8..at + 8 + size].to_vec();
        match &bytes[at..at + 4] {
            b"fmt " => format = Some(content),
            b"data" => data = Some(content),
            _ => {}
        }
        at += 8 + size + size % 2;
    }
    assert_eq!(at, bytes.len());
    (format.unwrap(), data.unwrap())
}

/// One sample of sim:counter in a file, by the formula in acap.h.
fn counted(format: Format, position: u64, channel: u64) -> Vec<u8> {
    let x = position & 0xffff_ffff;
    let low = |value: u64, count: usize| value.to_le_bytes()[..count].to_vec();
    match format {
        Format::S16 => low(x + channel * 0x1111, 2),
        Format::S24 => low(x + channel * 0x01_0101, 3),
        Format::S32 => low(x << 8 | channel, 4),
        Format::F32 => {
            let value = u32::try_from((x + channel * 0x01_0101) % (1 << 24)).unwrap();
            let value = (f64::from(value) - 8_388_608.0) / 8_388_608.0;
            #[allow(clippy::cast_possible_truncation, reason = "24 bits fit")]
            (value as f32).to_le_bytes().to_vec()
        }
        _ => low(x + channel * 17, 1),
    }
}

fn counted_frames(format: Format, first: u64, frame_count: u64, channel_count: u64) -> Vec<u8> {
    let frame =
        |position| (0..channel_count).flat_map(move |channel| counted(format, position, channel));
    (first..first + frame_count).flat_map(frame).collect()
}

/// The number behind a word.
fn figure(text: &str, word: &str) -> u64 {
    let (_, rest) = text
        .split_once(word)
        .unwrap_or_else(|| panic!("no {word:?} in {text}"));
    let digits: String = rest
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number behind {word:?} in {text}"))
}

struct Ledger {
    captured: u64,
    recorded: u64,
    lost: u64,
    silent: u64,
}

fn ledger(text: &str) -> Ledger {
    let one = Ledger {
        captured: figure(text, ": captured"),
        recorded: figure(text, "= recorded"),
        lost: figure(text, "; lost"),
        silent: figure(text, "silence written"),
    };
    assert_eq!(one.captured, one.recorded + figure(text, "left out"));
    assert_eq!(
        one.lost,
        figure(text, "(host") + figure(text, "pool") + figure(text, "queue")
    );
    one
}

// ---- list_devices ----

#[test]
fn list_devices() {
    let (output, table, errors) = run(DEVICES, &[], None);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(
        head,
        ["ID", "NAME", "HOST", "API", "CHANNELS", "RATE", "FLAGS"]
    );
    assert_eq!(
        table
            .lines()
            .filter(|line| line.starts_with("* sim:"))
            .count(),
        1
    );
    let (_, json, _) = run(DEVICES, &["--json"], None);
    assert_eq!(json.matches("\"id\": \"sim:").count(), lines.count());
    assert_eq!(json.matches("\"default\": true").count(), 1);
    for name in [
        "name",
        "host_api",
        "max_channel_count",
        "high_latency_ns",
        "stale",
    ] {
        assert!(json.contains(&format!("\"{name}\": ")), "{json}");
    }
}

#[test]
fn help_and_version() {
    for program in [DEVICES, RECORD, FAN_OUT] {
        let (output, out, _) = run(program, &["--version"], None);
        assert!(output.status.success());
        assert!(
            out.ends_with(&format!(" with acap {}\n", acap::version_string())),
            "{out}"
        );
        let (output, out, _) = run(program, &["-h"], None);
        assert!(
            output.status.success() && out.starts_with("usage: acap-rs-"),
            "{out}"
        );
    }
}

// ---- record ----

#[test]
fn record_in_every_format() {
    for format in Format::ALL {
        let name = acap_programs::cli::format_name(*format);
        let path = fresh(&format!("record-{name}.wav"));
        let arguments = [
            "-d",
            "sim:counter",
            "-r",
            "44100",
            "--channels=3",
            "-f",
            &name,
            "-t0.25",
        ];
        let (output, _, errors) = run(RECORD, &arguments, Some(&path));
        assert!(output.status.success(), "{errors}");
        let (head, data) = read_wav(&fs::read(&path).unwrap());
        assert!(data == counted_frames(*format, 0, 11_025, 3), "{name}");
        assert_eq!(
            (&head[..4], number(&head, 4)),
            (&[0xfe, 0xff, 3, 0][..], 44_100)
        );
        let figures = ledger(&errors);
        assert_eq!(
            (figures.recorded, figures.lost, figures.silent),
            (11_025, 0, 0)
        );
        let line = format!("0.250 s, 11025 frames of 3 channels {name} at 44100 Hz");
        assert!(errors.contains(&line), "{errors}");
    }
}

#[test]
fn lost_frames_become_silence() {
    let context = Context::new().unwrap();
    let config = StreamConfig::new("sim:counter?pace=manual&period=480").format(Format::S32);
    let mut stream = context.open_stream(config).unwrap();
    let config = ReaderConfig::new()
        .queue_buffers(4)
        .overflow(Overflow::DropNewest);
    let mut reader = stream.open_reader(config).unwrap();
    stream.start().unwrap();
    let mut file = Cursor::new(Vec::new());
    let out = WavWriter::new(&mut file, Format::S32, 48_000, 2).unwrap();
    let mut take = Take::new(
        out,
        reader.stats().unwrap().start_position,
        Some(26 * 480 + 17),
    );
    for count in [4, 10, 1, 7, 5] {
        stream.sim_advance(count * 480).unwrap(); // what the queue does not hold is lost
        while let Some(buffer) = reader.try_borrow().unwrap() {
            take.add(&buffer).unwrap();
        }
    }
    let figures = reader.stats().unwrap();
    let accounted = figures.start_position
        + figures.frames_delivered
        + figures.frames_lost
        + figures.frames_queued;
    assert_eq!(accounted, figures.end_position);
    assert_eq!(
        (figures.frames_lost, figures.lost_stream),
        (figures.lost_queue, 0)
    );
    assert!(!take.is_full());
    take.skip_to(figures.end_position).unwrap();
    assert!(take.is_full());
    assert_eq!(
        (take.frames_silent, take.frames_captured),
        (9 * 480 + 17, 17 * 480)
    );
    take.finish().unwrap();
    let mut expected = counted_frames(Format::S32, 0, 26 * 480 + 17, 2);
    for (first, end) in [(8, 14), (19, 22), (26, 27)] {
        let end = (end * 480 * 8).min(expected.len());
        expected[first * 480 * 8..end].fill(0);
    }
    assert!(read_wav(file.get_ref()).1 == expected);
}

/// The file keeps time all the same, frame by frame.
#[test]
fn a_device_that_is_too_fast() {
    let path = fresh("fast.wav");
    let arguments = ["-d", "sim:counter?pace=fast", "-f", "s32", "-t", "60"];
    let (output, _, errors) = run(RECORD, &arguments, Some(&path));
    assert!(output.status.success(), "{errors}");
    let (_, data) = read_wav(&fs::read(&path).unwrap());
    assert_eq!(data.len(), 60 * 48_000 * 8);
    let mut silent = 0;
    for (position, frame) in (0..).zip(data.chunks_exact(8)) {
        if frame == [0; 8] {
            silent += 1;
        } else {
            assert_eq!(frame, counted_frames(Format::S32, position, 1, 2));
        }
    }
    let figures = ledger(&errors);
    assert_eq!(figures.recorded + figures.silent, 60 * 48_000);
    assert_eq!(figures.silent, silent);
}

#[cfg(unix)]
fn send(child: &std::process::Child, signal: i32) {
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: a process that is ours, and has not been waited for.
    assert_eq!(unsafe { libc::kill(id, signal) }, 0);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_file_properly() {
    for (signal, name) in [(libc::SIGINT, "int.wav"), (libc::SIGTERM, "term.wav")] {
        let path = fresh(name);
        let mut command = Command::new(RECORD);
        command
            .args(["-d", "sim:counter"])
            .arg(&path)
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let limit = Instant::now() + LONG;
        while fs::metadata(&path).map_or(0, |file| file.len()) < 100_000 {
            assert!(Instant::now() < limit, "nothing is recorded");
            thread::sleep(Duration::from_millis(10));
        }
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        let (_, data) = read_wav(&fs::read(&path).unwrap());
        let frame_count = u64::try_from(data.len() / 4).unwrap();
        assert!(data == counted_frames(Format::S16, 0, frame_count, 2));
        let figures = ledger(&errors);
        assert_eq!(
            (figures.recorded, figures.captured, figures.lost),
            (frame_count, frame_count, 0)
        );
    }
}

/// The queue is never empty, and the file is a pipe that nobody reads: the first signal cannot end it.
#[cfg(unix)]
#[test]
fn a_second_signal_quits() {
    use std::os::fd::AsRawFd;
    use std::os::unix::process::ExitStatusExt;

    let path = fresh("pipe");
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a string that ends with a NUL.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let mut child = Command::new(RECORD)
        .args(["-d", "sim:counter?pace=fast"])
        .arg(&path)
        .spawn()
        .unwrap();
    let pipe = fs::File::open(&path).unwrap();
    let limit = Instant::now() + LONG;
    let mut waiting_bytes: libc::c_int = 0;
    while waiting_bytes < 50_000 {
        assert!(Instant::now() < limit, "nothing is recorded");
        thread::sleep(Duration::from_millis(10));
        // SAFETY: a descriptor that is open, and a number to be filled.
        let result =
            unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut waiting_bytes) };
        assert_eq!(result, 0);
    }
    for signal in [libc::SIGINT, libc::SIGTERM] {
        send(&child, signal);
    }
    let status = child.wait().unwrap();
    assert!(
        matches!(status.signal(), Some(libc::SIGINT | libc::SIGTERM)),
        "{status}"
    );
}

#[test]
fn record_fails_with_a_reason() {
    let path = fresh("failed.wav");
    let out = path.to_str().unwrap();
    let nowhere = fresh("nowhere/out.wav");
    let nowhere = nowhere.to_str().unwrap();
    for (arguments, status, words) in [
        (&["-d", "no such device", out][..], 1, "no such device"),
        (
            &["-d", "sim:sine?fail=start", "-t", "1", out],
            1,
            "ACAP_ERROR",
        ),
        (
            &["-d", "sim:sine?pace=fast&unplug=1s", out],
            1,
            "ACAP_ERROR_DEVICE_LOST",
        ),
        (&["-d", "sim:sine", "-t", "0.1", nowhere], 1, "No such file"),
        (
            &["-d", "sim:sine", "-t", "0.5", "/dev/full"],
            1,
            "No space left",
        ),
        (&["-d", "sim:sine", "-t", "never", out], 2, "no time"),
        (&["-d", "sim:sine", "-f", "s20", out], 2, "no format"),
        (&["-d", "sim:sine", "-c", "0", out], 2, "no positive number"),
        (&["--nonsense", out], 2, "no option --nonsense"),
        (&[out, "another"], 2, "one file too many"),
        (&[out, "-t"], 2, "needs a value"),
        (&[], 2, "a file is required"),
    ] {
        let (output, _, errors) = run(RECORD, arguments, None);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?}: {errors}"
        );
        assert!(errors.contains(words), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
    }
    let (output, _, errors) = run(DEVICES, &["--json=yes"], None);
    assert_eq!(
        (output.status.code(), errors.contains("one value too many")),
        (Some(2), true)
    );
}

// ---- fan_out ----

/// CRC-32, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn fan_out() {
    let path = fresh("fan_out.wav");
    let (output, out, errors) = run(FAN_OUT, &["-d", "sim:counter", "-t", "0.5"], Some(&path));
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let (_, data) = read_wav(&fs::read(&path).unwrap());
    assert!(data == counted_frames(Format::S16, 0, 24_000, 2));
    assert!(
        out.contains(&format!(
            "checksum: crc32 {:08x} of 24000 frames",
            crc32(&data)
        )),
        "{out}"
    );
    assert!(out.contains("meter: channel 1 peak -2.7 dB"), "{out}");
    let ledgers: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("ledger of "))
        .collect();
    assert_eq!(ledgers.len(), 3);
    for (line, name) in ledgers.iter().zip(["file", "meter", "checksum"]) {
        assert!(line.starts_with(&format!("ledger of {name}: ")));
        let [start, delivered, lost] = ["from", "delivered", "lost"].map(|word| figure(line, word));
        assert_eq!(
            start + delivered + lost + figure(line, "queued"),
            figure(line, "=")
        );
        assert_eq!(
            (lost, figure(line, "(stream"), figure(line, ", queue")),
            (0, 0, 0)
        );
    }
}

#[test]
fn fan_out_fails_with_a_reason() {
    let path = fresh("failed_fan_out.wav");
    let (output, _, errors) = run(FAN_OUT, &["-d", "sim:sine?fail=start"], Some(&path));
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("ACAP_ERROR"), "{errors}");
    let (output, _, errors) = run(
        FAN_OUT,
        &["-d", "sim:sine", "-t", "1"],
        Some(Path::new("/dev/full")),
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("No space left"), "{errors}");
}
