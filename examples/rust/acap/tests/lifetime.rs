// SPDX-License-Identifier: MIT
//! Everything in any order: closing, holding, sharing, releasing.

mod common;

use std::thread;

use acap::{Buffer, Context, Error, ReaderConfig, Samples};
use common::{COUNTER, FRAMES, Rig, assert_all_back, assert_counts, join};

/// All orders of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let insert = |order: Vec<usize>| {
        (0..count).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, last);
            longer
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

/// Whatever is dropped by being dropped.
trait Anything {}
impl<T> Anything for T {}

#[test]
fn any_order_of_closing() {
    let all = orders(6);
    assert_eq!(all.len(), 720);
    for order in all {
        let mut rig = Rig::new();
        rig.advance(3);
        let buffer = rig.take().unwrap();
        common::assert_reader_law(&rig.reader.stats().unwrap());
        common::assert_stream_law(&rig.stream);
        let observer = rig.stream.pool().unwrap();
        let samples: Samples<f32> = buffer.clone().into_samples().unwrap();
        let pool = rig.stream.pool().unwrap();
        let mut parts: Vec<Option<Box<dyn Anything>>> = vec![
            Some(Box::new(rig.context)),
            Some(Box::new(rig.stream)),
            Some(Box::new(rig.reader)),
            Some(Box::new(pool)),
            Some(Box::new(buffer)),
        ];
        for index in order {
            match parts.get_mut(index) {
                Some(part) => drop(part.take()),
                None => assert_counts(samples.buffer()),
            }
        }
        assert_eq!(observer.stats().unwrap().in_use, 1);
        assert_counts(samples.buffer());
        drop(samples);
        assert_all_back(&observer);
    }
}

#[test]
fn a_reader_drains_when_its_stream_is_gone() {
    let mut rig = Rig::new();
    rig.advance(3);
    let Rig {
        context,
        stream,
        mut reader,
        ..
    } = rig;
    let pool = stream.pool().unwrap();
    drop((stream, context));
    for index in 0..3 {
        let buffer = reader.borrow().unwrap();
        assert_eq!(buffer.position(), index * FRAMES);
        assert_counts(&buffer);
    }
    assert_eq!(reader.borrow().unwrap_err(), Error::End);
    common::assert_reader_law(&reader.stats().unwrap());
    drop(reader);
    assert_all_back(&pool);
}

#[test]
fn dropping_the_context_ends_its_streams() {
    let mut rig = Rig::new();
    rig.advance(1);
    let other = Context::new().unwrap();
    drop(std::mem::replace(&mut rig.context, other));
    assert!(matches!(rig.stream.start(), Err(Error::InvalidState(_))));
    assert!(matches!(
        rig.stream.open_reader(ReaderConfig::new()),
        Err(Error::InvalidState(_))
    ));
    assert_eq!(rig.drain(), [0]);
    rig.finish();
}

/// A small generator of numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Holds, shares and gives away buffers in an order that a seed decides.
fn torture(seed: u64, give: &std::sync::mpsc::SyncSender<Buffer>) {
    let mut random = Random(seed);
    let mut rig = Rig::with(COUNTER, ReaderConfig::new().queue_buffers(32));
    let mut held: Vec<Buffer> = Vec::new();
    for _ in 0..400 {
        rig.advance(random.below(5));
        while let Some(buffer) = rig.take() {
            match random.below(5) {
                0 => held.push(buffer.clone()),
                1 => held.extend([buffer.clone(), buffer.clone()]),
                2 => give.send(buffer.clone()).unwrap(),
                3 => held.push(buffer.clone().into_samples::<f32>().unwrap().into_buffer()),
                _ => assert_counts(&buffer),
            }
        }
        while held.len() > 16 {
            let index = random.below(u64::try_from(held.len()).unwrap());
            held.swap_remove(usize::try_from(index).unwrap());
        }
        held.iter().for_each(assert_counts);
    }
    assert!(rig.stream.pool().unwrap().stats().unwrap().recycled > 0);
    common::assert_reader_law(&rig.reader.stats().unwrap());
    drop(rig);
    held.iter().for_each(assert_counts);
}

#[test]
fn holding_sharing_and_releasing_on_many_threads() {
    let (give, get) = std::sync::mpsc::sync_channel::<Buffer>(64);
    let threads: Vec<_> = (0..3)
        .map(|seed| {
            let give = give.clone();
            thread::spawn(move || torture(seed, &give))
        })
        .collect();
    drop(give);
    let mut count = 0;
    for buffer in get {
        assert_counts(&buffer);
        count += 1;
    }
    threads.into_iter().for_each(join);
    assert!(count > 100);
}
