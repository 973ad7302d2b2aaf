// SPDX-License-Identifier: MIT
//! How processes end with acap in use: each scenario is this program again, alone and under valgrind.
//!
//! No test harness: main() must be able to return, exit and fork as the programs of users do.

mod common;

use std::process::{Command, ExitCode, Output, exit};
use std::ptr;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;

use acap::{Buffer, Context, Pool, Reader, ReaderConfig, Samples, Stream, sys};
use common::{COUNTER, FRAMES, Rig, assert_all_back, assert_counts};

/// What the last scenario loses on purpose, to prove that valgrind would tell.
const LEAK: i32 = 99;
const PANIC: i32 = 101;

struct Scenario {
    name: &'static str,
    run: fn(),
    status: i32,
    /// The child of a fork gives nothing back, which valgrind would call a leak.
    is_for_valgrind: bool,
}

const fn scenario(name: &'static str, run: fn()) -> Scenario {
    Scenario {
        name,
        run,
        status: 0,
        is_for_valgrind: true,
    }
}

const SCENARIOS: &[Scenario] = &[
    scenario("buffers_and_all_else_are_held_in_statics", hold_in_statics),
    scenario("buffers_outlive_all_else", hold_buffers_only),
    scenario("exit_in_the_middle_of_the_loop", exit_in_the_loop),
    scenario("a_thread_waits", leave_a_thread_that_waits),
    scenario("a_thread_consumes", leave_a_thread_that_consumes),
    Scenario {
        status: PANIC,
        ..scenario("a_panic_in_the_middle_of_the_loop", panic_in_the_loop)
    },
    Scenario {
        is_for_valgrind: false,
        ..scenario("a_fork_gets_errors", use_in_a_fork)
    },
];

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// Some of it is kept until the end of the process.
#[derive(Default)]
struct Kept {
    _context: Option<Context>,
    _stream: Option<Stream>,
    _reader: Option<Reader>,
    _buffers: Vec<Buffer>,
}

fn keep(kept: Kept) {
    KEPT.lock().unwrap().push(kept);
}

fn started(device: &str) -> (Context, Stream, Reader) {
    let rig = Rig::with(device, ReaderConfig::new());
    let Rig {
        context,
        stream,
        reader,
        ..
    } = rig;
    (context, stream, reader)
}

fn with_buffers() -> (Context, Stream, Reader, Vec<Buffer>) {
    let (context, mut stream, mut reader) = started(COUNTER);
    stream.sim_advance(10 * FRAMES).unwrap();
    let buffers = (0..4).map(|_| reader.borrow().unwrap()).collect();
    common::assert_reader_law(&reader.stats().unwrap());
    common::assert_stream_law(&stream);
    (context, stream, reader, buffers)
}

fn hold_in_statics() {
    let (context, stream, reader, buffers) = with_buffers();
    keep(Kept {
        _context: Some(context),
        _stream: Some(stream),
        _reader: Some(reader),
        _buffers: buffers,
    });
}

fn hold_buffers_only() {
    let (.., buffers) = with_buffers();
    buffers.iter().for_each(assert_counts);
    keep(Kept {
        _buffers: buffers,
        ..Kept::default()
    });
}

fn exit_in_the_loop() {
    let (_context, _stream, mut reader) = started("sim:counter");
    let mut held = Vec::new();
    for buffer in &mut reader {
        let samples: Samples<f32> = buffer.unwrap().into_samples().unwrap();
        assert_counts(samples.buffer());
        held.push(samples);
        if held.len() == 3 {
            exit(0); // no destructor runs
        }
    }
}

fn leave_a_thread_that_waits() {
    let (context, stream, mut reader) = started(COUNTER);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        tell.send(()).unwrap();
        reader.borrow().map(drop)
    });
    told.recv().unwrap();
    keep(Kept {
        _context: Some(context),
        _stream: Some(stream),
        ..Kept::default()
    });
}

fn leave_a_thread_that_consumes() {
    let (context, stream, mut reader) = started("sim:counter");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for buffer in reader.buffers().flatten() {
            assert_counts(&buffer);
            let _ = tell.send(buffer);
        }
    });
    drop(told.iter().take(5).collect::<Vec<Buffer>>());
    keep(Kept {
        _context: Some(context),
        _stream: Some(stream),
        ..Kept::default()
    });
}

fn panic_in_the_loop() {
    let (_context, mut stream, mut reader) = started(COUNTER);
    stream.sim_advance(3 * FRAMES).unwrap();
    for buffer in &mut reader {
        let position = buffer.unwrap().position();
        assert_eq!(position, 0, "which is so only once");
    }
}

/// A device list, since the library itself forgets neither contexts nor what belongs to them, and pools
/// are made of pages, of which valgrind knows nothing.
#[inline(never)]
fn lose_a_device_list() {
    let (mut context, mut list) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: all pointers are NULL or valid for the calls.
    let result = unsafe { sys::acap_context_create(ptr::null(), &raw mut context) };
    assert_eq!(result, sys::ACAP_OK);
    // SAFETY: the context that was made above.
    let result = unsafe { sys::acap_device_list_create(context, &raw mut list) };
    assert_eq!(result, sys::ACAP_OK);
    // SAFETY: nobody else has it.
    unsafe { sys::acap_context_destroy(context) };
}

// ---- fork ----

/// In the child: each call is an error, and none a crash.
fn check_child(
    context: &Context,
    stream: &mut Stream,
    reader: &mut Reader,
    buffer: &mut Buffer,
    pool: &Pool,
) {
    use acap::{Error, PoolConfig, Result};

    fn forked<T>(result: Result<T>) {
        assert!(
            matches!(result, Err(Error::Forked(_))),
            "{:?}",
            result.err()
        );
    }
    let (of_reader, of_stream) = (reader.controller(), stream.controller());
    forked(reader.borrow());
    forked(reader.try_borrow());
    forked(reader.buffers().next().unwrap());
    forked(reader.stats());
    forked(reader.end());
    forked(of_reader.interrupt());
    forked(of_reader.end());
    forked(stream.start());
    forked(of_stream.stop());
    forked(stream.stats());
    forked(stream.info());
    forked(stream.sim_advance(FRAMES));
    forked(stream.push(&[0.0_f32; 2], None));
    forked(stream.open_reader(ReaderConfig::new()));
    forked(context.devices());
    forked(context.next_event());
    forked(context.interrupt());
    forked(context.open_stream(COUNTER));
    forked(Context::new());
    forked(Pool::new(&PoolConfig::new(64)));
    forked(stream.pool());
    forked(pool.acquire());
    forked(pool.clone().stats());
    forked(buffer.measure());
    assert_counts(&buffer.clone());
    forked(buffer.writable().map(|_| ())); // nobody counts, so that nobody is the only holder
}

fn use_in_a_fork() {
    let (context, mut stream, mut reader) = started(COUNTER);
    stream.sim_advance(2 * FRAMES).unwrap();
    let mut buffer = reader.borrow().unwrap();
    let pool = stream.pool().unwrap();
    // SAFETY: this thread is the only one of the program's own.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        check_child(&context, &mut stream, &mut reader, &mut buffer, &pool);
        drop((buffer, reader, stream, context));
        exit(17);
    }
    let mut status = 0;
    // SAFETY: the child that was made above.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "the child crashed");
    assert_eq!(libc::WEXITSTATUS(status), 17);
    assert_counts(&buffer);
    assert_eq!(reader.borrow().unwrap().position(), FRAMES);
    stream.sim_advance(FRAMES).unwrap();
    assert_eq!(reader.borrow().unwrap().position(), 2 * FRAMES);
    common::assert_reader_law(&reader.stats().unwrap());
    drop((buffer, reader, stream, context));
    assert_all_back(&pool);
}

// ---- running them ----

fn run_again(name: &str, under: &[&str]) -> Output {
    let this = std::env::current_exe().unwrap();
    let mut words: Vec<&std::ffi::OsStr> = under.iter().map(AsRef::as_ref).collect();
    words.push(this.as_os_str());
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .env("ACAP_EXIT_SCENARIO", name)
        .env("ACAP_BACKEND", "sim")
        .env_remove("RUST_BACKTRACE");
    command.output().unwrap()
}

fn passed(what: &str, output: &Output, status: i32) -> bool {
    let is_right = output.status.code() == Some(status);
    println!("test {what} ... {}", if is_right { "ok" } else { "FAILED" });
    if !is_right {
        println!(
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    is_right
}

const VALGRIND: &[&str] = &[
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect",
    "--errors-for-leak-kinds=definite,indirect",
    "--num-callers=20",
];

fn run_all() -> bool {
    let mut outcomes = Vec::new();
    for one in SCENARIOS {
        outcomes.push(passed(one.name, &run_again(one.name, &[]), one.status));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: the same under valgrind, which is not installed");
    } else {
        for one in SCENARIOS.iter().filter(|one| one.is_for_valgrind) {
            let output = run_again(one.name, VALGRIND);
            outcomes.push(passed(
                &format!("{}_under_valgrind", one.name),
                &output,
                one.status,
            ));
        }
        let output = run_again("leak", VALGRIND);
        outcomes.push(passed("valgrind_finds_what_is_lost", &output, LEAK));
    }
    let failed = outcomes.iter().filter(|is_right| !**is_right).count();
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {} passed; {failed} failed\n",
        outcomes.len() - failed
    );
    failed == 0
}

fn main() -> ExitCode {
    match std::env::var("ACAP_EXIT_SCENARIO").ok().as_deref() {
        None if run_all() => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
        Some("leak") => {
            lose_a_device_list();
            ExitCode::SUCCESS
        }
        Some(name) => {
            let found = SCENARIOS.iter().find(|one| one.name == name);
            (found.expect("a scenario").run)();
            ExitCode::SUCCESS
        }
    }
}
