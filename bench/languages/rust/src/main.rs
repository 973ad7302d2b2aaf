// SPDX-License-Identifier: MIT
//! What a packet of 3,840 bytes costs through acap in Rust: looked at in place, and copied into a Vec.
//!     acap-bench cost | card view|copy PACKETS PAUSE_MS       as c_bench.c

mod meter;

use acap::{Context, Reader, ReaderConfig, Result, Stream, StreamConfig};
use meter::{CHANNELS, FRAMES, Meter, RATE_HZ, cpu_ns};
use std::hint::black_box;

const CARD: &str = "acap_bench_card";
const BATCHES: i32 = 80;
const BATCH_PACKETS: u32 = 250;

type Way = fn(&mut Reader, Option<&mut Meter>) -> Result<()>;

fn view(reader: &mut Reader, meter: Option<&mut Meter>) -> Result<()> {
    let buffer = reader.borrow()?;
    let samples = buffer.samples::<f32>()?;
    black_box(samples[0]);
    if let Some(meter) = meter {
        meter.take(samples);
    }
    Ok(())
}

fn copy(reader: &mut Reader, meter: Option<&mut Meter>) -> Result<()> {
    let own = Vec::from(reader.borrow()?.samples::<f32>()?);
    black_box(own[0]);
    if let Some(meter) = meter {
        meter.take(&own);
    }
    Ok(())
}

fn configured(device: &str) -> StreamConfig {
    StreamConfig::new(device)
        .sample_rate_hz(RATE_HZ)
        .channel_count(CHANNELS as u32)
        .frames_per_buffer(FRAMES as u32)
}

fn batch_ns(stream: &mut Stream, reader: &mut Reader, way: Way) -> Result<i64> {
    stream.sim_advance(u64::from(BATCH_PACKETS) * FRAMES as u64)?;
    let start_ns = cpu_ns();
    for _ in 0..BATCH_PACKETS {
        way(reader, None)?;
    }
    Ok(cpu_ns() - start_ns)
}

fn cost() -> Result<()> {
    let context = Context::new()?;
    let mut stream = context.open_stream(configured("sim:counter?pace=manual&period=480"))?;
    let mut reader = stream.open_reader(ReaderConfig::new().queue_buffers(BATCH_PACKETS))?;
    stream.start()?;
    let ways: [(&str, Way); 2] = [("view", view), ("copy", copy)];
    let mut total_ns = [0; 2];
    for batch in -BATCHES / 4..BATCHES {
        for ((_, way), total_ns) in ways.iter().zip(&mut total_ns) {
            let taken_ns = batch_ns(&mut stream, &mut reader, *way)?;
            *total_ns += if batch < 0 { 0 } else { taken_ns };
        }
    }
    for ((name, _), total_ns) in ways.iter().zip(total_ns) {
        println!(
            "ns {name} {:.1}",
            total_ns as f64 / f64::from(BATCHES) / f64::from(BATCH_PACKETS)
        );
    }
    Ok(())
}

fn card(way: Way, meter: &mut Meter) -> Result<()> {
    let context = Context::new()?;
    let stream = context.open_stream(configured(CARD))?;
    let mut reader = stream.open_reader(ReaderConfig::new())?;
    stream.start()?;
    while !meter.is_done {
        way(&mut reader, Some(meter))?;
    }
    println!("told {}", reader.stats()?.frames_lost);
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments[0] == "cost" {
        return cost();
    }
    let number = |index: usize| arguments[index].parse().expect("a number");
    let mut meter = Meter::new(number(2) as usize, number(3));
    card(if arguments[1] == "view" { view } else { copy }, &mut meter)?;
    meter.print();
    Ok(())
}
