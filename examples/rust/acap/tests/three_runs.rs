// SPDX-License-Identifier: MIT
//! 3,000, 30,000 and 359,937 packets of 3,840 bytes: nothing lost, nothing kept, memory flat.

mod common;

use acap::{ReaderConfig, StreamConfig};
use common::{COUNTER, Counted, FRAMES, Rig};

/// Packets that the device captures before the consumer takes them.
const BLOCK: u64 = 40;
const GROWTH_MAX_BYTES: u64 = 4 << 20;

/// Where the system does not tell, memory is not compared.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Borrows so many packets, and proves every sample of them.
fn take_block(rig: &mut Rig, count: u64, expected: &mut Vec<f32>) {
    for _ in 0..count {
        let buffer = rig.take().expect("a packet");
        assert_eq!(buffer.size_bytes(), 3840);
        let position = buffer.position();
        expected.clear();
        for frame in 0..FRAMES {
            expected.extend([
                f32::counted(position + frame, 0),
                f32::counted(position + frame, 1),
            ]);
        }
        assert!(
            buffer.samples::<f32>().unwrap() == expected,
            "at {position}"
        );
    }
}

fn run(packet_count: u64) {
    let config = ReaderConfig::new().queue_buffers(40).hold_buffers(1);
    let mut rig = Rig::with(StreamConfig::new(COUNTER), config);
    let mut expected = Vec::new();
    let mut resident_before = None;
    let mut left = packet_count;
    while left > 0 {
        let count = left.min(BLOCK);
        rig.advance(count);
        take_block(&mut rig, count, &mut expected);
        left -= count;
        if resident_before.is_none() && packet_count - left >= 1000 {
            resident_before = resident_bytes();
        }
    }
    if let (Some(before), Some(after)) = (resident_before, resident_bytes()) {
        assert!(
            after.saturating_sub(before) < GROWTH_MAX_BYTES,
            "{before} bytes became {after}"
        );
    } else if cfg!(target_os = "linux") {
        panic!("/proc/self/status does not say how much memory there is");
    }
    let pool = rig.stream.pool().unwrap().stats().unwrap();
    assert_eq!(pool.acquired, packet_count);
    assert!(pool.recycled >= packet_count - u64::from(pool.capacity));
    assert_eq!((pool.hit_rate, pool.exhausted, pool.in_use), (1.0, 0, 0));
    assert!(u64::from(pool.in_use_peak) <= BLOCK + 2);
    assert_eq!(rig.frames, packet_count * FRAMES);
    assert_eq!((rig.gaps, rig.stream.stats().unwrap().frames_lost), (0, 0));
    rig.finish();
}

/// One test, since they look at the memory of the process.
#[test]
fn three_runs() {
    for packet_count in [3_000, 30_000, 359_937] {
        run(packet_count);
    }
}
