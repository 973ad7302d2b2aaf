// SPDX-License-Identifier: MIT
//! The binding allocates nothing for a packet: everything is counted that this thread asks of Rust's
//! allocator, which is all that the crate could use. (The C library's own is counted by its tests.)

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use acap::{Buffer, ReaderConfig, StreamConfig};
use common::{COUNTER, FRAMES, Rig};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    COUNT.with(|count| count.set(count.get() + 1));
}

// SAFETY: all is done by the system's allocator; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size_bytes: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size_bytes) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// What a consumer does with a packet.
fn use_packet(buffer: Buffer, sum: &mut f64) {
    let mut peak = [0.0; 2];
    buffer.measure_into(&mut peak, &mut []).unwrap();
    let shared = buffer.clone().into_samples::<f32>().unwrap();
    *sum += shared
        .frames()
        .map(|frame| f64::from(frame[1]))
        .sum::<f64>()
        + f64::from(peak[0]);
    assert!(buffer.flags().is_empty() && buffer.time_ns() > 0);
    buffer.release();
}

#[test]
fn nothing_is_allocated_per_packet() {
    let mut rig = Rig::with(COUNTER, ReaderConfig::new());
    let mut sum = 0.0;
    let controller = rig.reader.controller();
    let one_round = |rig: &mut Rig, sum: &mut f64| {
        rig.stream.sim_advance(10 * FRAMES).unwrap();
        while let Some(buffer) = rig.take() {
            use_packet(buffer, sum);
        }
        controller.stats().unwrap();
        controller.interrupt().unwrap();
        rig.reader.try_borrow().unwrap_err();
    };
    one_round(&mut rig, &mut sum);
    let allocated = counted(|| {
        for _ in 0..200 {
            one_round(&mut rig, &mut sum);
        }
    });
    assert_eq!(allocated, 0, "for 2000 packets");
    assert!(sum != 0.0);
    rig.finish();
}

#[test]
fn nothing_is_allocated_per_push() {
    let config = StreamConfig::new("push:")
        .channel_count(2)
        .frames_per_buffer(480);
    let mut rig = Rig::with(config, ReaderConfig::new());
    let samples = [0.25_f32; 960];
    let allocated = counted(|| {
        for _ in 0..1000 {
            rig.stream.push(&samples, None).unwrap();
            assert!(rig.take().unwrap().samples::<f32>().unwrap() == samples);
        }
    });
    assert_eq!(allocated, 0);
    rig.finish();
}

/// A count that is always 0 would prove nothing.
#[test]
fn the_count_counts() {
    assert_eq!(counted(|| drop(std::hint::black_box(Box::new(17)))), 1);
}
