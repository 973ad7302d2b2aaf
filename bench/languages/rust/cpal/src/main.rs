// SPDX-License-Identifier: MIT
//! What a packet of 3,840 bytes costs through cpal, on the virtual card, which is the default device.
//!     cpal-bench card callback|queue PACKETS PAUSE_MS     queue: the callback hands copies over, as a Vec each

#[path = "../../src/meter.rs"]
mod meter;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, StreamConfig};
use meter::{CHANNELS, FRAMES, Meter, RATE_HZ};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

fn main() -> Result<(), cpal::Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments[index].parse().expect("a number");
    let mut meter = Meter::new(number(2) as usize, number(3));
    let hands_over = arguments[1] == "queue";

    let device = cpal::default_host()
        .default_input_device()
        .expect("the card is the default device");
    let config = StreamConfig {
        channels: CHANNELS as u16,
        sample_rate: RATE_HZ,
        buffer_size: BufferSize::Fixed(FRAMES as u32),
    };
    let errors = Arc::new(AtomicUsize::new(0));
    let seen_errors = Arc::clone(&errors);
    let on_error = move |error: cpal::Error| {
        if error.kind() == cpal::ErrorKind::Xrun {
            seen_errors.fetch_add(1, Ordering::Relaxed);
        }
    };
    let (packets, consumer) = mpsc::channel::<Vec<f32>>();
    let (finished, end) = mpsc::channel::<Meter>();
    let stream = if hands_over {
        let on_packet = move |samples: &[f32], _: &_| drop(packets.send(samples.to_vec()));
        device.build_input_stream(config, on_packet, on_error, None)?
    } else {
        let mut inside = Some(Meter::new(number(2) as usize, number(3)));
        let on_packet = move |samples: &[f32], _: &_| {
            if let Some(meter) = &mut inside {
                meter.take(samples);
            }
            if inside.as_ref().is_some_and(|meter| meter.is_done) {
                let _ = finished.send(inside.take().unwrap());
            }
        };
        device.build_input_stream(config, on_packet, on_error, None)?
    };
    stream.play()?;
    if hands_over {
        while !meter.is_done {
            meter.take(&consumer.recv().expect("a packet"));
        }
    } else {
        meter = end.recv().expect("a meter");
    }
    drop(stream);
    println!("flags {}", errors.load(Ordering::Relaxed));
    meter.print();
    Ok(())
}
