// SPDX-License-Identifier: MIT
//! Contexts, devices, streams, pools, push, events, errors.

mod common;

use std::thread;
use std::time::Duration;

use acap::{
    BufferFlags, Context, DeviceFlags, Error, EventType, Format, Level, OnDeviceLost, Pool,
    PoolConfig, ReaderConfig, StreamConfig, StreamFlags, StreamState,
};
use common::{
    COUNTER, FRAMES, Rig, assert_all_back, assert_counts, assert_reader_law, assert_stream_law,
    join,
};

// ---- errors ----

#[test]
fn an_error_says_what_and_why() {
    let context = Context::new().unwrap();
    let error = context.open_stream("sim:trumpet").unwrap_err();
    assert!(matches!(error, Error::NoDevice(_)));
    assert_eq!((error.result(), error.name()), (-4, "ACAP_ERROR_NO_DEVICE"));
    assert!(error.text().contains("trumpet"));
    assert_eq!(
        error.to_string(),
        format!("{} (ACAP_ERROR_NO_DEVICE)", error.text())
    );
    let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
    assert!(boxed.source().is_none());
    let error = context.open_stream("sim:sine?hertz=440").unwrap_err();
    assert!(matches!(&error, Error::InvalidArgument(text) if text.contains("hertz")));
    assert!(matches!(
        context.open_stream("sim:sine\0").unwrap_err(),
        Error::InvalidArgument(text) if text.contains("NUL")
    ));
}

#[test]
fn what_is_no_failure_has_words_too() {
    for (error, name) in [
        (Error::TimedOut, "ACAP_TIMED_OUT"),
        (Error::End, "ACAP_END"),
        (Error::Interrupted, "ACAP_INTERRUPTED"),
    ] {
        assert_eq!(error.name(), name);
        assert!(!error.text().is_empty());
    }
}

#[test]
fn a_failing_device() {
    let context = Context::new().unwrap();
    assert!(matches!(
        context.open_stream("sim:counter?fail=open"),
        Err(Error::Backend(_))
    ));
    let stream = context.open_stream("sim:counter?fail=start").unwrap();
    assert!(matches!(stream.start(), Err(Error::Backend(_))));
    assert_stream_law(&stream);
}

#[test]
fn the_library_that_runs() {
    let text = acap::version_string();
    let numbers: Vec<u32> = text.split('.').map(|part| part.parse().unwrap()).collect();
    assert_eq!(
        acap::version(),
        numbers[0] << 16 | numbers[1] << 8 | numbers[2]
    );
    let before = acap::clock_ns();
    assert!(acap::clock_ns() >= before);
    let sizes: Vec<usize> = Format::ALL
        .iter()
        .map(|format| format.sample_bytes())
        .collect();
    assert_eq!(sizes, [2, 3, 4, 4, 1]);
    assert_eq!(Format::Unknown(77).sample_bytes(), 0);
}

// ---- contexts and devices ----

#[test]
fn backends() {
    for backend in ["sim", "push", "portaudio"] {
        Context::with_backend(backend).unwrap().close();
    }
    assert!(matches!(
        Context::with_backend("tape"),
        Err(Error::InvalidArgument(_))
    ));
}

#[test]
fn devices() {
    let devices = Context::with_backend("sim").unwrap().devices().unwrap();
    assert!(devices.iter().any(|device| device.id == "sim:sine"));
    let defaults = devices
        .iter()
        .filter(|device| device.flags.contains(DeviceFlags::DEFAULT));
    assert_eq!(defaults.count(), 1);
    for device in &devices {
        assert!(device.max_channel_count > 0);
        assert!(device.default_sample_rate_hz > 0);
        assert!(!device.name.is_empty() && !device.host_api.is_empty());
        assert!(device.high_latency_ns >= device.low_latency_ns && device.low_latency_ns >= 0);
    }
}

#[test]
fn check_supported() {
    let context = Context::new().unwrap();
    context.check_supported(COUNTER).unwrap();
    let config = StreamConfig::new(COUNTER).sample_rate_hz(7);
    assert!(context.check_supported(&config).is_err());
    let config = StreamConfig::new(COUNTER).format(Format::Unknown(9));
    assert!(matches!(
        context.check_supported(config),
        Err(Error::InvalidArgument(_))
    ));
}

// ---- streams ----

#[test]
fn info() {
    let context = Context::new().unwrap();
    let config = StreamConfig::new(COUNTER)
        .sample_rate_hz(44_100)
        .channel_count(5)
        .format(Format::S24)
        .frames_per_buffer(128)
        .planar(true);
    let stream = context.open_stream(config).unwrap();
    let other = context.open_stream(COUNTER).unwrap();
    let info = stream.info().unwrap();
    assert_eq!((info.sample_rate_hz, info.channel_count), (44_100, 5));
    assert_eq!((info.format, info.frames_per_buffer), (Format::S24, 128));
    assert_eq!(info.flags, StreamFlags::PLANAR);
    assert_eq!(
        (info.device_id.as_str(), info.backend.as_str()),
        (COUNTER, "sim")
    );
    assert!(info.latency_ns >= 0);
    assert!(other.info().unwrap().stream_id > info.stream_id && info.stream_id > 0);
}

#[test]
fn start_stop_start_goes_on() {
    let mut rig = Rig::new();
    rig.advance(2);
    rig.stream.stop().unwrap();
    rig.stream.stop().unwrap();
    assert_eq!(rig.drain(), [0, FRAMES]);
    assert_eq!(rig.reader.borrow().unwrap_err(), Error::End);
    rig.stream.start().unwrap();
    rig.advance(1);
    assert_eq!(rig.drain(), [2 * FRAMES]);
    rig.finish();
}

#[test]
fn stream_stats() {
    let mut rig = Rig::new();
    rig.stream.sim_advance(10 * FRAMES + 7).unwrap();
    let figures = rig.stream.stats().unwrap();
    assert_eq!(figures.state, StreamState::Running);
    assert_eq!(
        (figures.position, figures.frames_captured),
        (10 * FRAMES, 10 * FRAMES)
    );
    assert_eq!((figures.buffers_filled, figures.callbacks), (10, 10));
    assert!(figures.callback_ns_total >= figures.callback_ns_max && figures.callback_ns_max > 0);
    assert!(!figures.realtime);
    rig.stream.stop().unwrap();
    assert_eq!(rig.stream.stats().unwrap().state, StreamState::Stopped);
    rig.finish();
}

#[test]
fn lost_frames_are_counted() {
    let device = "sim:counter?pace=manual&period=480&xrun=2s:4800f:flag";
    let mut rig = Rig::with(device, ReaderConfig::new().queue_buffers(1000));
    rig.advance(1000);
    rig.stream.stop().unwrap();
    let (mut lost, mut overflows) = (0, 0);
    while let Some(buffer) = rig.take() {
        assert_eq!(
            buffer.flags().contains(BufferFlags::GAP),
            buffer.lost_before() > 0
        );
        lost += buffer.lost_before();
        overflows += u64::from(buffer.flags().contains(BufferFlags::HOST_OVERFLOW));
    }
    let (of_reader, of_stream) = (rig.reader.stats().unwrap(), rig.stream.stats().unwrap());
    assert_eq!(
        (lost, lost, lost),
        (rig.gaps, of_reader.lost_stream, of_stream.lost_host)
    );
    assert!(
        (4320..=5280).contains(&lost),
        "the host does not say how many: {lost}"
    );
    assert_eq!((overflows, of_stream.host_overflows), (1, 1));
    assert_eq!(of_reader.lost_queue, 0);
    rig.finish();
}

#[test]
fn a_lost_device() {
    let device = "sim:counter?pace=manual&period=480&unplug=100ms";
    let mut rig = Rig::with(device, ReaderConfig::new());
    rig.advance(1000);
    let items: Vec<_> = rig.reader.buffers().collect();
    let (last, buffers) = items.split_last().unwrap();
    assert!(
        matches!(last, Err(Error::DeviceLost(_))),
        "an iterator is over after an error"
    );
    for buffer in buffers {
        rig.add(buffer.as_ref().unwrap());
    }
    assert!(rig.frames > 0);
    assert_eq!(rig.frames, rig.stream.stats().unwrap().frames_captured);
    assert_eq!(rig.stream.stats().unwrap().state, StreamState::Lost);
    assert!(matches!(rig.reader.try_borrow(), Err(Error::DeviceLost(_))));
    drop(items);
    rig.finish();
}

#[test]
fn a_device_that_comes_back() {
    let config = StreamConfig::new("sim:counter?pace=manual&period=480&unplug=1s&replug=4s")
        .on_device_lost(OnDeviceLost::Wait);
    let mut rig = Rig::with(config, ReaderConfig::new().queue_buffers(1000));
    rig.advance(1000);
    rig.stream.stop().unwrap();
    let mut recovered = 0;
    while let Some(buffer) = rig.take() {
        recovered += u64::from(buffer.flags().contains(BufferFlags::RECOVERED));
    }
    let figures = rig.stream.stats().unwrap();
    assert_eq!((recovered, figures.recoveries), (1, 1));
    assert!(figures.lost_host > 0);
    rig.finish();
}

// ---- push ----

#[test]
fn push() {
    let config = StreamConfig::new("push:")
        .format(Format::S16)
        .channel_count(2)
        .frames_per_buffer(4);
    let mut rig = Rig::with(config, ReaderConfig::new());
    let samples: Vec<i16> = (0..16).collect();
    rig.stream.push(&samples, Some(1_000_000)).unwrap();
    rig.stream.push_lost(3, None).unwrap();
    rig.stream.push::<i16>(&[], None).unwrap();
    let bytes: Vec<u8> = samples[..8]
        .iter()
        .flat_map(|sample| sample.to_ne_bytes())
        .collect();
    rig.stream.push_bytes(&bytes, None).unwrap();
    rig.stream.stop().unwrap();
    let buffers: Vec<_> = std::iter::from_fn(|| rig.take()).collect();
    let got: Vec<i16> = buffers
        .iter()
        .flat_map(|buffer| buffer.samples::<i16>().unwrap())
        .copied()
        .collect();
    assert_eq!(got, [&samples[..], &samples[..8]].concat());
    assert_eq!(buffers[0].time_ns(), 1_000_000);
    assert_eq!((buffers[2].position(), buffers[2].lost_before()), (11, 3));
    assert_eq!(rig.stream.stats().unwrap().lost_host, 3);
    drop(buffers);
    rig.finish();
}

#[test]
fn what_cannot_be_pushed() {
    let context = Context::new().unwrap();
    let mut pushed = context
        .open_stream(StreamConfig::new("push:").channel_count(2))
        .unwrap();
    assert!(matches!(
        pushed.push(&[0.0_f32; 2], None),
        Err(Error::InvalidState(_))
    ));
    pushed.start().unwrap();
    for error in [
        pushed.push(&[0.0_f32; 3], None).unwrap_err(),
        pushed.push_bytes(&[0; 9], None).unwrap_err(),
        pushed.push(&[0_i16; 4], None).unwrap_err(),
        pushed.sim_advance(1).unwrap_err(),
    ] {
        assert!(matches!(error, Error::InvalidArgument(_)), "{error}");
    }
    pushed.push(&[0.0_f32; 2], None).unwrap();
    assert_stream_law(&pushed);
    let mut real = context.open_stream("sim:counter").unwrap();
    assert!(matches!(
        real.push(&[0.0_f32; 2], None),
        Err(Error::InvalidArgument(_))
    ));
    assert!(matches!(
        real.sim_advance(1),
        Err(Error::InvalidArgument(_))
    ));
}

// ---- pools ----

#[test]
fn a_pool_of_one_s_own() {
    let pool = Pool::new(&PoolConfig::new(1000).buffers_min(2).buffers_max(2)).unwrap();
    let (mut one, two) = (pool.acquire().unwrap(), pool.acquire().unwrap());
    assert!(matches!(pool.acquire(), Err(Error::PoolExhausted(_))));
    assert_eq!(
        (one.len(), one.format(), one.frame_count()),
        (1000, None, 0)
    );
    one.writable().unwrap()[..4].copy_from_slice(b"acap");
    let shared = one.clone();
    assert_eq!(one.reference_count(), 2);
    assert!(matches!(one.writable(), Err(Error::InvalidState(_))));
    assert_eq!(&shared[..4], b"acap");
    shared.release();
    assert_eq!(one.reference_count(), 1);
    one.writable().unwrap();
    assert!(matches!(
        one.samples::<u8>(),
        Err(Error::InvalidArgument(_))
    ));
    assert!(matches!(one.measure(), Err(Error::InvalidArgument(_))));
    drop((one, two));
    let figures = pool.stats().unwrap();
    assert_eq!(
        (figures.acquired, figures.released, figures.exhausted),
        (2, 2, 1)
    );
    assert_eq!(
        (figures.capacity, figures.in_use, figures.in_use_peak),
        (2, 0, 2)
    );
    assert!((figures.hit_rate - 2.0 / 3.0).abs() < 1e-9);
    let again = pool.acquire().unwrap();
    assert_eq!(pool.stats().unwrap().recycled, 1);
    assert!(pool.stats().unwrap().oldest_held_ns > 0);
    again.release();
    assert_all_back(&pool);
}

#[test]
fn pools_that_cannot_be() {
    for (config, is_limit) in [
        (PoolConfig::new(0), false),
        (PoolConfig::new(8).buffers_min(3).buffers_max(2), false),
        (PoolConfig::new(acap::limits::MAX_BUFFER_BYTES + 1), true),
    ] {
        let error = Pool::new(&config).unwrap_err();
        assert_eq!(matches!(error, Error::Limit(_)), is_limit, "{error}");
    }
}

#[test]
fn a_pool_lives_as_long_as_its_buffers() {
    let pool = Pool::new(&PoolConfig::new(64)).unwrap();
    let other = pool.clone();
    let buffer = pool.acquire().unwrap();
    drop(pool);
    assert_eq!(other.stats().unwrap().in_use, 1);
    drop(other);
    assert_eq!(buffer[..], [0; 64]);
}

#[test]
fn a_shared_pool() {
    let context = Context::new().unwrap();
    let pool = Pool::new(&PoolConfig::new(3840).buffers_min(64)).unwrap();
    let config = StreamConfig::new(COUNTER).pool(&pool);
    let mut readers = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = context.open_stream(&config).unwrap();
        readers.push(stream.open_reader(ReaderConfig::new()).unwrap());
        stream.start().unwrap();
        stream.sim_advance(10 * FRAMES).unwrap();
        streams.push(stream);
    }
    assert_eq!(pool.stats().unwrap().in_use, 20);
    for reader in &mut readers {
        let mut count = 0;
        while let Some(buffer) = reader.try_borrow().unwrap() {
            assert_counts(&buffer);
            count += 1;
        }
        assert_eq!(count, 10);
        assert_reader_law(&reader.stats().unwrap());
    }
    streams.iter().for_each(assert_stream_law);
    assert_all_back(&pool);
    assert!(matches!(
        context.open_stream(config.channel_count(8)),
        Err(Error::Limit(_))
    ));
}

#[test]
fn pool_limits() {
    let context = Context::new().unwrap();
    let config = StreamConfig::new(COUNTER)
        .pool_buffers_min(4)
        .pool_buffers_max(8);
    let stream = context.open_stream(config).unwrap();
    assert_eq!(stream.pool().unwrap().stats().unwrap().buffers_max, 8);
    let refused = stream.open_reader(ReaderConfig::new().queue_buffers(100));
    assert!(matches!(refused, Err(Error::Limit(_))));
    assert_stream_law(&stream);
}

// ---- events ----

#[test]
fn events() {
    let device = "sim:counter?pace=manual&period=480&xrun=2s:4800f&unplug=8s";
    let mut rig = Rig::with(device, ReaderConfig::new());
    assert_eq!(rig.context.try_next_event(), Ok(None));
    assert_eq!(
        rig.context.next_event_timeout(Duration::ZERO),
        Err(Error::TimedOut)
    );
    rig.advance(1000);
    let first = rig.context.next_event().unwrap();
    let rest = std::iter::from_fn(|| rig.context.try_next_event().unwrap());
    let events: Vec<_> = std::iter::once(first).chain(rest).collect();
    let lost = events
        .iter()
        .find(|event| event.event_type == EventType::FramesLost)
        .unwrap();
    assert!((4320..=5280).contains(&lost.frames));
    assert_eq!(lost.stream_id, rig.stream.info().unwrap().stream_id);
    assert_eq!(lost.events_lost, 0);
    assert!(0 < lost.time_ns); // virtual time runs ahead of the clock
    assert!(Level::ALL.contains(&lost.level));
    assert!(!lost.text.is_empty());
    assert!(
        events
            .iter()
            .any(|event| event.event_type == EventType::StreamLost)
    );
    rig.finish();
}

#[test]
fn who_waits_for_events_can_be_interrupted() {
    let context = Context::new().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| context.next_event());
        context.interrupt().unwrap();
        assert_eq!(waiting.join().unwrap(), Err(Error::Interrupted));
    });
    assert_eq!(context.try_next_event(), Ok(None));
}

// ---- controllers ----

#[test]
fn a_stream_is_controlled_from_other_threads() {
    let mut rig = Rig::new();
    let controller = rig.stream.controller();
    let thread = {
        let controller = controller.clone();
        thread::spawn(move || {
            controller.stop().unwrap();
            controller.start().unwrap();
            controller.stats().unwrap()
        })
    };
    assert_eq!(join(thread).state, StreamState::Running);
    rig.advance(1);
    rig.finish();
    for error in [
        controller.start(),
        controller.stop(),
        controller.stats().map(|_| ()),
    ] {
        assert!(matches!(error, Err(Error::InvalidState(text)) if text.contains("closed")));
    }
}
