// SPDX-License-Identifier: MIT
//! Buffers: what they show, whom they keep alive, how they go back.

mod common;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use acap::{Buffer, BufferFlags, Error, Format, ReaderConfig, Samples, StreamConfig};
use common::{COUNTER, FRAMES, Rig, assert_counts, assert_counts_as, join};

#[test]
fn they_can_go_anywhere() {
    fn is_free<T: Send + Sync + 'static>() {}
    is_free::<Buffer>();
    is_free::<Samples<f32>>();
    is_free::<acap::Pool>();
    is_free::<acap::Context>();
    is_free::<acap::Stream>();
    is_free::<acap::StreamController>();
    is_free::<acap::Reader>();
    is_free::<acap::ReaderController>();
    is_free::<Error>();
    assert_eq!(size_of::<Option<Buffer>>(), size_of::<usize>());
}

#[test]
fn every_format_interleaved_and_planar() {
    for format in Format::ALL {
        for channel_count in [1, 2, 7] {
            for planar in [false, true] {
                let config = StreamConfig::new(COUNTER)
                    .format(*format)
                    .channel_count(channel_count)
                    .planar(planar);
                let mut rig = Rig::with(config, ReaderConfig::new());
                rig.advance(3);
                let mut count = 0;
                while let Some(buffer) = rig.take() {
                    assert_counts(&buffer);
                    assert_eq!(buffer.channel_count(), channel_count as usize);
                    assert_eq!(buffer.plane_stride_bytes() != 0, planar);
                    assert_eq!(buffer.as_ptr().align_offset(64), 0);
                    count += 1;
                }
                assert_eq!(count, 3);
                rig.finish();
            }
        }
    }
}

#[test]
fn samples_are_the_very_memory() {
    let mut rig = Rig::new();
    rig.advance(1);
    let buffer = rig.take().unwrap();
    let samples = buffer.samples::<f32>().unwrap();
    assert_eq!(samples.as_ptr().cast(), buffer.as_ptr());
    assert_eq!(size_of_val(samples), buffer.size_bytes());
    let clone = buffer.clone();
    assert_eq!(clone.as_ptr(), buffer.as_ptr());
    let owned = clone.into_samples::<f32>().unwrap();
    assert_eq!(owned.as_ptr(), samples.as_ptr());
    assert_eq!(owned.frames().len(), buffer.frame_count());
    drop((owned, buffer));
    rig.finish();
}

#[test]
fn the_wrong_view_is_an_error() {
    let config = StreamConfig::new(COUNTER).planar(true);
    let mut rig = Rig::with(config, ReaderConfig::new());
    rig.advance(1);
    let buffer = rig.take().unwrap();
    for (error, words) in [
        (buffer.samples::<i16>().unwrap_err(), "F32, not S16"),
        (buffer.samples::<f32>().unwrap_err(), "planar"),
        (buffer.plane::<i32>(0).unwrap_err(), "F32, not S32"),
        (buffer.plane::<f32>(2).unwrap_err(), "no channel 2 among 2"),
        (Samples::<u8>::try_from(buffer).unwrap_err(), "F32, not U8"),
    ] {
        assert!(
            matches!(&error, Error::InvalidArgument(text) if text.contains(words)),
            "{error}"
        );
    }
    rig.finish();
    let mut rig = Rig::new();
    rig.advance(1);
    let error = rig.take().unwrap().plane::<f32>(0).unwrap_err();
    assert!(error.text().contains("interleaved"));
    rig.finish();
}

#[test]
fn header() {
    let mut rig = Rig::new();
    rig.advance(2);
    let (one, two) = (rig.take().unwrap(), rig.take().unwrap());
    assert_eq!((one.position(), two.position()), (0, FRAMES));
    assert!((9_900_000..=10_100_000).contains(&(two.time_ns() - one.time_ns())));
    assert!(one.time_error_ns().is_none_or(|bound_ns| bound_ns >= 0));
    assert_eq!(
        (one.lost_before(), one.flags()),
        (0, BufferFlags::default())
    );
    assert_eq!(
        (one.frame_count(), one.channel_count(), one.sample_rate_hz()),
        (480, 2, 48_000)
    );
    assert_eq!(
        (one.format(), one.size_bytes(), one.len()),
        (Some(Format::F32), 3840, 3840)
    );
    assert!(format!("{one:?}").starts_with(
        "Buffer { position: 0, frame_count: 480, channel_count: 2, format: Some(F32)"
    ));
    drop((one, two));
    rig.finish();
}

#[test]
fn bytes_go_where_bytes_go() {
    let mut rig = Rig::new();
    rig.advance(1);
    let buffer = rig.take().unwrap();
    let mut file = Vec::new();
    file.write_all(&buffer).unwrap();
    let expected: Vec<u8> = buffer
        .samples::<f32>()
        .unwrap()
        .iter()
        .flat_map(|one| one.to_ne_bytes())
        .collect();
    assert_eq!(file, expected);
    drop(buffer);
    rig.finish();
}

#[test]
fn measure() {
    let device = "sim:sine?pace=manual&period=480&hz=1000";
    let mut rig = Rig::with(device, ReaderConfig::new());
    rig.advance(1);
    let buffer = rig.take().unwrap();
    let levels = buffer.measure().unwrap();
    let samples = buffer.samples::<f32>().unwrap();
    for channel in 0..2 {
        let plane = || samples.iter().skip(channel).step_by(2);
        let peak = plane().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let square_sum: f64 = plane().map(|sample| f64::from(*sample).powi(2)).sum();
        assert!((levels.peak[channel] - peak).abs() < 1e-6);
        assert!((f64::from(levels.rms[channel]) - (square_sum / 480.0).sqrt()).abs() < 1e-5);
    }
    let zeros = samples.iter().filter(|sample| **sample == 0.0).count();
    assert_eq!(levels.counts.zeros, u64::try_from(zeros).unwrap());
    assert_eq!(levels.counts.clipped, 0);
    let mut peak = [9.0; 4];
    assert_eq!(buffer.measure_into(&mut peak, &mut []), Ok(levels.counts));
    assert_eq!(peak, [levels.peak[0], levels.peak[1], 0.0, 0.0]);
    let mut rms = [9.0; 2];
    buffer.measure_into(&mut peak, &mut rms).unwrap();
    assert_eq!(rms[..], levels.rms);
    assert!(matches!(
        buffer.measure_into(&mut [0.0], &mut rms),
        Err(Error::InvalidArgument(_))
    ));
    drop(buffer);
    rig.finish();
}

#[test]
fn silence_is_flagged() {
    let mut rig = Rig::with("sim:silence?pace=manual&period=480", ReaderConfig::new());
    rig.advance(1);
    let buffer = rig.take().unwrap();
    assert!(buffer.flags().contains(BufferFlags::SILENT));
    assert_eq!(buffer.measure().unwrap().counts.zeros, 2 * FRAMES);
    drop(buffer);
    rig.finish();
}

// ---- giving back ----

#[test]
fn release_and_drop_and_forgetting() {
    let mut rig = Rig::new();
    let pool = rig.stream.pool().unwrap();
    rig.advance(4);
    let before = pool.stats().unwrap();
    rig.take().unwrap().release();
    drop(rig.take().unwrap());
    rig.take().unwrap().into_samples::<f32>().unwrap().release();
    let after = pool.stats().unwrap();
    assert_eq!(
        (after.in_use, after.released),
        (before.in_use - 3, before.released + 3)
    );
    // What is forgotten on purpose is missing, and told.
    let raw = rig.take().unwrap().into_raw();
    assert_eq!(pool.stats().unwrap().in_use, 1);
    assert!(pool.stats().unwrap().oldest_held_ns > 0);
    // SAFETY: the reference that into_raw() gave away.
    drop(unsafe { Buffer::from_raw(raw) });
    rig.finish();
}

#[test]
fn a_clone_is_a_reference() {
    let mut rig = Rig::new();
    rig.advance(1);
    let one = rig.take().unwrap();
    let others: Vec<Buffer> = (0..10).map(|_| one.clone()).collect();
    assert_eq!(one.reference_count(), 11);
    drop(one);
    others.iter().for_each(assert_counts);
    assert_eq!(others[0].reference_count(), 10);
    drop(others);
    rig.finish();
}

#[test]
fn writing_takes_the_only_holder() {
    let mut rig = Rig::new();
    let mut second = rig.stream.open_reader(ReaderConfig::new()).unwrap();
    rig.advance(2);
    let mut buffer = rig.take().unwrap();
    assert!(
        matches!(buffer.samples_mut::<f32>(), Err(Error::InvalidState(_))),
        "the other reader has it queued"
    );
    second.borrow().unwrap().release();
    buffer
        .samples_mut::<f32>()
        .unwrap()
        .iter_mut()
        .for_each(|sample| *sample *= 0.5);
    assert_eq!(buffer.samples::<f32>().unwrap()[0], -0.5);
    assert!(matches!(
        buffer.samples_mut::<i16>(),
        Err(Error::InvalidArgument(_))
    ));
    drop(buffer);
    assert_counts(&second.borrow().unwrap());
    common::assert_reader_law(&second.stats().unwrap());
    drop(second);
    rig.finish();
}

#[test]
fn a_panic_in_the_loop_leaks_nothing() {
    let mut rig = Rig::new();
    let pool = rig.stream.pool().unwrap();
    rig.advance(3);
    let mut seen = 0;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        for buffer in rig.reader.buffers() {
            let buffer = buffer.unwrap();
            let _held = (buffer.clone(), buffer.clone().into_samples::<f32>());
            seen += 1;
            if seen == 2 {
                std::panic::resume_unwind(Box::new("in the middle"));
            }
        }
    }));
    assert!(outcome.is_err());
    assert_eq!(pool.stats().unwrap().in_use, 1, "the one that still waits");
    assert_eq!(rig.reader.borrow().unwrap().position(), 2 * FRAMES);
    rig.frames = 3 * FRAMES; // the account has not seen them
    assert_eq!(rig.reader.stats().unwrap().frames_delivered, rig.frames);
    common::assert_reader_law(&rig.reader.stats().unwrap());
    common::assert_stream_law(&rig.stream);
    drop(rig);
    common::assert_all_back(&pool);
}

#[test]
fn any_thread_may_release() {
    let mut rig = Rig::new();
    for _ in 0..50 {
        rig.advance(2);
        let (one, two) = (rig.take().unwrap(), rig.take().unwrap());
        let shared = one.clone();
        let thread = thread::spawn(move || {
            assert_counts_as::<f32>(&one);
            two.release();
        });
        assert_counts_as::<f32>(&shared);
        drop(shared);
        join(thread);
    }
    rig.finish();
}
