// SPDX-License-Identifier: MIT
//! Warms up, takes the processor time of a run, pauses, goes on; tells what is missing. As meter.h does.

use std::time::Duration;

pub const RATE_HZ: u32 = 48_000;
pub const CHANNELS: usize = 2;
pub const FRAMES: usize = 480;
const WARM_UP_PACKETS: usize = 50;
const TAIL_PACKETS: usize = 100;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, out: *mut Timespec) -> i32;
}

/// The processor time of the process: CLOCK_PROCESS_CPUTIME_ID of Linux, 64 bits.
pub fn cpu_ns() -> i64 {
    let mut now = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: the struct is that of 64-bit Linux.
    unsafe { clock_gettime(2, &mut now) };
    now.seconds * 1_000_000_000 + now.nanoseconds
}

pub struct Meter {
    from_frames: usize,
    to_frames: usize,
    pause: Duration,
    frames: usize,
    measured_frames: usize,
    cpu_ns: i64,
    first: f32,
    last: f32,
    stage: u32,
    lost_before_pause: i64,
    pub is_done: bool,
}

impl Meter {
    pub fn new(packets: usize, pause_ms: u64) -> Self {
        let from_frames = WARM_UP_PACKETS * FRAMES;
        Self {
            from_frames,
            to_frames: from_frames + packets * FRAMES,
            pause: Duration::from_millis(pause_ms),
            frames: 0,
            measured_frames: 0,
            cpu_ns: 0,
            first: 0.0,
            last: 0.0,
            stage: 0,
            lost_before_pause: 0,
            is_done: false,
        }
    }

    /// Takes interleaved frames; pauses when it is time for it.
    pub fn take(&mut self, samples: &[f32]) {
        let frames = samples.len() / CHANNELS;
        if self.is_done || frames == 0 {
            return;
        }
        if self.frames == 0 {
            self.first = samples[0];
        }
        self.last = samples[(frames - 1) * CHANNELS];
        self.frames += frames;
        if self.stage == 0 && self.frames >= self.from_frames {
            (self.stage, self.measured_frames, self.cpu_ns) = (1, self.frames, cpu_ns());
        } else if self.stage == 1 && self.frames >= self.to_frames {
            (self.stage, self.measured_frames) = (2, self.frames - self.measured_frames);
            self.cpu_ns = cpu_ns() - self.cpu_ns;
            self.lost_before_pause = self.lost();
            std::thread::sleep(self.pause);
            self.is_done = self.pause.is_zero();
        } else if self.stage == 2 && self.frames >= self.to_frames + TAIL_PACKETS * FRAMES {
            self.is_done = true;
        }
    }

    /// The signal counts in steps of 2^-23, modulo 2^24.
    fn lost(&self) -> i64 {
        let steps = ((self.last - self.first) * 8_388_608.0) as i64;
        ((steps + 1) & 0xff_ffff) - self.frames as i64
    }

    pub fn print(&self) {
        let cpu_us = self.cpu_ns as f64 / 1e3 / (self.measured_frames as f64 / FRAMES as f64);
        println!(
            "cpu_us {cpu_us:.2}\nlost {}\nlost_before_pause {}",
            self.lost(),
            self.lost_before_pause
        );
    }
}
