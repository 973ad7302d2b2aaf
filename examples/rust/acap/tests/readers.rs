// SPDX-License-Identifier: MIT
//! Readers: borrowing, waiting, ending, losing, watching.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use acap::{Buffer, Context, Error, Overflow, Reader, ReaderConfig, Result, StreamConfig};
use common::{
    FRAMES, LONG, Rig, assert_counts, assert_reader_law, assert_stream_law, join, wait_until,
};

#[test]
fn borrowing() {
    let mut rig = Rig::new();
    assert_eq!(
        rig.reader.try_borrow().map(|buffer| buffer.is_none()),
        Ok(true)
    );
    assert_eq!(
        rig.reader.borrow_timeout(Duration::ZERO).unwrap_err(),
        Error::TimedOut
    );
    assert_eq!(
        rig.reader
            .borrow_timeout(Duration::from_millis(1))
            .unwrap_err(),
        Error::TimedOut
    );
    rig.advance(3);
    for buffer in [
        rig.reader.borrow().unwrap(),
        rig.reader.borrow_timeout(Duration::MAX).unwrap(),
        rig.reader.try_borrow().unwrap().unwrap(),
    ] {
        rig.add(&buffer);
        assert_counts(&buffer);
    }
    rig.finish();
}

#[test]
fn iterating_ends_when_the_stream_stops() {
    let mut rig = Rig::new();
    rig.advance(5);
    rig.stream.stop().unwrap();
    let buffers: Vec<Buffer> = rig.reader.buffers().collect::<Result<_>>().unwrap();
    buffers.iter().for_each(|buffer| rig.add(buffer));
    assert_eq!(buffers.len(), 5);
    assert_eq!((&mut rig.reader).into_iter().count(), 0);
    drop(buffers);
    rig.finish();
}

#[test]
fn an_interrupt_is_an_item_and_not_the_end() {
    let mut rig = Rig::new();
    rig.advance(1);
    rig.reader.controller().interrupt().unwrap();
    rig.stream.stop().unwrap();
    let items: Vec<_> = rig
        .reader
        .buffers()
        .map(|item| item.map(|buffer| buffer.position()))
        .collect();
    assert_eq!(items, [Err(Error::Interrupted), Ok(0)]);
    rig.frames = FRAMES;
    assert_reader_law(&rig.reader.stats().unwrap());
    assert_stream_law(&rig.stream);
}

#[test]
fn a_full_queue() {
    for (overflow, expected) in [
        (Overflow::DropOldest, [6, 7, 8, 9]),
        (Overflow::DropNewest, [0, 1, 2, 3]),
    ] {
        let config = ReaderConfig::new()
            .queue_buffers(4)
            .overflow(overflow)
            .name("slow");
        let mut rig = Rig::with(common::COUNTER, config);
        let mut other = rig
            .stream
            .open_reader(ReaderConfig::new().queue_buffers(10))
            .unwrap();
        rig.advance(10);
        rig.stream.stop().unwrap();
        assert_eq!(rig.drain(), expected.map(|index| index * FRAMES));
        let figures = rig.reader.stats().unwrap();
        assert_eq!((figures.lost_queue, figures.lost_stream), (6 * FRAMES, 0));
        assert_eq!(figures.queued_buffers_peak, 4);
        assert_eq!(other.buffers().count(), 10, "a slow reader starves nobody");
        assert_reader_law(&other.stats().unwrap());
        drop(other);
        rig.finish();
    }
}

#[test]
fn preroll() {
    let config = StreamConfig::new(common::COUNTER).history_ns(100_000_000);
    let mut rig = Rig::with(config, ReaderConfig::new().queue_buffers(200));
    rig.advance(100);
    let mut late = rig
        .stream
        .open_reader(ReaderConfig::new().preroll_ns(50_000_000))
        .unwrap();
    assert_eq!(late.stats().unwrap().start_position, 95 * FRAMES);
    let positions: Vec<u64> = std::iter::from_fn(|| late.try_borrow().unwrap())
        .inspect(assert_counts)
        .map(|buffer| buffer.position())
        .collect();
    assert_eq!(positions, [95, 96, 97, 98, 99].map(|index| index * FRAMES));
    assert_reader_law(&late.stats().unwrap());
    assert!(
        rig.stream
            .open_reader(ReaderConfig::new().preroll_ns(-1))
            .is_err()
    );
    drop(late);
    rig.finish();
}

#[test]
fn stats() {
    let mut rig = Rig::new();
    rig.advance(3);
    let mut reader = rig.stream.open_reader(ReaderConfig::new()).unwrap();
    rig.advance(5);
    for _ in 0..2 {
        reader.borrow().unwrap().release();
    }
    let figures = reader.stats().unwrap();
    assert_eq!(
        (figures.start_position, figures.end_position),
        (3 * FRAMES, 8 * FRAMES)
    );
    assert_eq!(
        (figures.buffers_delivered, figures.frames_delivered),
        (2, 2 * FRAMES)
    );
    assert_eq!(
        (figures.queued_buffers, figures.frames_queued),
        (3, 3 * FRAMES)
    );
    assert!(figures.latency_ns_max >= figures.latency_ns_p50);
    assert_reader_law(&figures);
    drop(reader);
    rig.finish();
}

#[test]
fn too_many_readers() {
    let rig = Rig::new();
    let config = || ReaderConfig::new().queue_buffers(1).hold_buffers(1);
    let readers: Vec<Reader> = (1..acap::limits::MAX_READERS)
        .map(|_| rig.stream.open_reader(config()).unwrap())
        .collect();
    assert!(matches!(
        rig.stream.open_reader(config()),
        Err(Error::Limit(_))
    ));
    readers
        .iter()
        .for_each(|reader| assert_reader_law(&reader.stats().unwrap()));
    drop(readers);
    rig.finish();
}

// ---- waiting in another thread ----

/// Borrows in another thread until the end; gives the reader back, and what came last.
fn consume(mut reader: Reader) -> thread::JoinHandle<(Reader, u64, Option<Error>)> {
    thread::spawn(move || {
        let (mut count, mut error) = (0, None);
        for buffer in reader.buffers() {
            match buffer {
                Ok(buffer) => {
                    assert_counts(&buffer);
                    count += 1;
                }
                Err(what) => {
                    error = Some(what);
                    break;
                }
            }
        }
        (reader, count, error)
    })
}

/// The outcome must not depend on whether the thread sleeps already: that is left to chance.
#[test]
fn ending_a_thread_that_waits() {
    for round in 0..40 {
        let mut rig = Rig::new();
        let reader = rig.stream.open_reader(ReaderConfig::new()).unwrap();
        let controller = reader.controller();
        let thread = consume(reader);
        rig.advance(2);
        wait_until(|| controller.stats().unwrap().buffers_delivered == 2);
        if round % 2 == 0 {
            thread::yield_now();
        }
        let expected = match round % 5 {
            0 => controller.end().map(|()| None),
            1 => controller.interrupt().map(|()| Some(Error::Interrupted)),
            2 => rig.stream.stop().map(|()| None),
            3 => rig.stream.controller().stop().map(|()| None),
            _ => {
                let other = Context::new().unwrap();
                drop(std::mem::replace(&mut rig.context, other));
                Ok(None)
            }
        };
        let (reader, count, error) = join(thread);
        assert_eq!((count, &error), (2, &expected.unwrap()));
        assert_reader_law(&reader.stats().unwrap());
        drop(reader);
        rig.finish();
    }
}

#[test]
fn closing_the_stream_ends_who_waits() {
    let rig = Rig::new();
    let reader = rig.stream.open_reader(ReaderConfig::new()).unwrap();
    let controller = reader.controller();
    let Rig { mut stream, .. } = rig;
    let thread = consume(reader);
    stream.sim_advance(2 * FRAMES).unwrap();
    wait_until(|| controller.stats().unwrap().buffers_delivered == 2);
    assert_stream_law(&stream);
    stream.close();
    let (reader, count, error) = join(thread);
    assert_eq!((count, error), (2, None));
    assert_reader_law(&reader.stats().unwrap());
}

#[test]
fn a_thread_is_woken_for_every_buffer() {
    let mut rig = Rig::new();
    let reader = rig.stream.open_reader(ReaderConfig::new()).unwrap();
    let controller = reader.controller();
    let thread = consume(reader);
    for count in 1..=50 {
        rig.advance(1);
        wait_until(|| controller.stats().unwrap().buffers_delivered == count);
    }
    rig.stream.stop().unwrap();
    let (reader, count, error) = join(thread);
    assert_eq!((count, error), (50, None));
    assert_reader_law(&reader.stats().unwrap());
    drop(reader);
    rig.finish();
}

#[test]
fn a_controller_outlives_its_reader() {
    let rig = Rig::new();
    let reader = rig.stream.open_reader(ReaderConfig::new()).unwrap();
    let controller = reader.controller();
    let clone = controller.clone();
    controller
        .stats()
        .map(|figures| assert_reader_law(&figures))
        .unwrap();
    reader.close();
    for error in [
        controller.interrupt().unwrap_err(),
        clone.end().unwrap_err(),
        clone.stats().map(|_| ()).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::InvalidState(text) if text.contains("closed")),
            "{error}"
        );
    }
    rig.finish();
}

/// Whoever comes too late gets an error; nobody touches what is gone.
#[test]
fn closing_while_others_call() {
    let context = Context::new().unwrap();
    for _ in 0..50 {
        let stream = context.open_stream(common::COUNTER).unwrap();
        let reader = stream
            .open_reader(ReaderConfig::new().queue_buffers(4))
            .unwrap();
        stream.start().unwrap();
        let calls = AtomicU64::new(0);
        thread::scope(|scope| {
            let (of_reader, of_stream) = (reader.controller(), stream.controller());
            let calls = &calls;
            scope.spawn(move || {
                while let Ok(figures) = of_reader.stats() {
                    assert_reader_law(&figures);
                    of_reader.interrupt().ok();
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
            scope.spawn(move || {
                while of_stream.stats().is_ok() {
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
            wait_until(|| calls.load(Ordering::Relaxed) > 10);
            drop(stream);
            drop(reader);
        });
    }
}

// ---- event loops ----

#[cfg(unix)]
fn is_readable(handle: &acap::WaitHandle, timeout_ms: i32) -> bool {
    use std::os::fd::AsRawFd;

    let mut poll = libc::pollfd {
        fd: handle.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one descriptor, which is open.
    let count = unsafe { libc::poll(&raw mut poll, 1, timeout_ms) };
    assert!(count >= 0);
    count == 1
}

#[cfg(unix)]
#[test]
fn wait_handles_of_readers() {
    use std::os::fd::AsFd;

    let config = ReaderConfig::new().queue_buffers(16).wake_buffers(4);
    let mut rig = Rig::with(common::COUNTER, config);
    let handle = rig.reader.wait_handle().unwrap();
    is_readable(&handle, 0); // there may be a false alarm
    assert_eq!(rig.drain(), []);
    rig.advance(3);
    assert!(!is_readable(&handle, 0), "fewer than wake_buffers");
    rig.advance(1);
    assert!(is_readable(&handle, 0));
    assert_eq!(rig.drain().len(), 4);
    assert!(!is_readable(&handle, 0));
    rig.advance(1);
    let buffer = rig
        .reader
        .borrow_timeout(Duration::from_millis(20))
        .unwrap();
    rig.add(&buffer); // below wake_buffers, but there at the timeout
    drop(buffer);
    let thread = {
        let controller = rig.reader.controller();
        thread::spawn(move || controller.end().unwrap())
    };
    assert!(is_readable(
        &handle,
        i32::try_from(LONG.as_millis()).unwrap()
    ));
    join(thread);
    assert_eq!(rig.reader.try_borrow().unwrap_err(), Error::End);
    assert!(is_readable(&handle, 0), "at the end it stays readable");
    rig.finish();
    handle.as_fd().try_clone_to_owned().unwrap(); // the duplicate outlives the reader
}

#[cfg(unix)]
#[test]
fn wait_handles_of_contexts() {
    let device = "sim:counter?pace=manual&period=480&unplug=10ms";
    let mut rig = Rig::with(device, ReaderConfig::new());
    let handle = rig.context.wait_handle().unwrap();
    while rig.context.try_next_event().unwrap().is_some() {}
    assert!(!is_readable(&handle, 0));
    rig.advance(1000);
    assert!(is_readable(&handle, 0));
    while rig.context.try_next_event().unwrap().is_some() {}
    assert!(!is_readable(&handle, 0));
    rig.finish();
}

// ---- real time ----

/// The device's own thread fills, this one sleeps in between.
#[test]
fn real_time() {
    let mut rig = Rig::with("sim:counter", ReaderConfig::new());
    while rig.frames < 4_800 {
        let buffer = rig.reader.borrow_timeout(LONG).unwrap();
        assert_counts(&buffer);
        rig.add(&buffer);
    }
    rig.stream.stop().unwrap();
    rig.finish();
}
