#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure what a packet of 3,840 bytes costs in Python: looked at in place, and copied.

    python_bench.py cost                        nanoseconds a packet in virtual time, for each way
    python_bench.py card WAY PACKETS PAUSE_MS   on the virtual card that run.sh sets up

WAY is view, array, copy (acap), read, callback or queue (python-sounddevice). Needs the packages
acap and NumPy, and sounddevice for its own ways.
"""

from __future__ import annotations

import itertools
import queue
import struct
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import acap
import numpy

if TYPE_CHECKING:
    from collections.abc import Callable

CARD = "acap_bench_card"
RATE_HZ = 48_000
CHANNELS = 2
FRAMES = 480
LATENCY_S = 0.1  # what acap asks of a device
WARM_UP_PACKETS = 50
TAIL_PACKETS = 100
BATCHES = 80
BATCH_PACKETS = 250


class Meter:
    """Warm up, take the processor time of a run, pause, go on; tell what is missing."""

    def __init__(self, packets: int, pause_ms: int) -> None:
        """Measure so many packets."""
        self.from_frames = WARM_UP_PACKETS * FRAMES
        self.to_frames = self.from_frames + packets * FRAMES
        self.pause_s = pause_ms / 1000
        self.frames, self.measured_frames, self.cpu_ns = 0, 0, 0
        self.first, self.last = 0.0, 0.0
        self.stage, self.lost_before_pause = 0, 0
        self.done = threading.Event()

    def take(self, data: Any, frames: int) -> None:
        """Take a packet, bytes or the like; pause when it is time for it."""
        if self.frames == 0:
            (self.first,) = struct.unpack_from("f", data)
        (self.last,) = struct.unpack_from("f", data, (frames - 1) * CHANNELS * 4)
        self.frames += frames
        if self.stage == 0 and self.frames >= self.from_frames:
            self.stage, self.measured_frames = 1, self.frames
            self.cpu_ns = time.process_time_ns()
        elif self.stage == 1 and self.frames >= self.to_frames:
            self.stage, self.measured_frames = 2, self.frames - self.measured_frames
            self.cpu_ns = time.process_time_ns() - self.cpu_ns
            self.lost_before_pause = self.lost()
            time.sleep(self.pause_s)
            if self.pause_s == 0:
                self.done.set()
        elif self.stage == 2 and self.frames >= self.to_frames + TAIL_PACKETS * FRAMES:
            self.done.set()

    def lost(self) -> int:
        """Count. The signal does so in steps of 2^-23, modulo 2^24."""
        steps = int((self.last - self.first) * 2**23)
        return ((steps + 1) & 0xFFFFFF) - self.frames

    def report(self) -> None:
        """Print it."""
        print(f"cpu_us {self.cpu_ns / 1e3 / (self.measured_frames / FRAMES):.2f}")
        print(f"lost {self.lost()}\nlost_before_pause {self.lost_before_pause}")


# ---- acap ----


def view(reader: acap.Reader, meter: Meter | None) -> None:
    """Borrow, look in place, release."""
    with reader.borrow() as buffer, memoryview(buffer) as samples:
        if meter is not None:
            meter.take(samples, buffer.frame_count)


def array(reader: acap.Reader, meter: Meter | None) -> None:
    """Borrow, look through NumPy, release."""
    with reader.borrow() as buffer:
        samples = numpy.asarray(buffer)
        if meter is not None:
            meter.take(samples, len(samples))
        del samples


def copy(reader: acap.Reader, meter: Meter | None) -> None:
    """Borrow, copy, release."""
    with reader.borrow() as buffer:
        data = bytes(buffer)
    if meter is not None:
        meter.take(data, len(data) // (CHANNELS * 4))


def batch_ns(way: Callable[..., None], reader: acap.Reader) -> int:
    """Give the processor time of a batch that was captured before."""
    reader.stream.sim_advance(BATCH_PACKETS * FRAMES)
    turns = itertools.repeat(None, BATCH_PACKETS)
    start_ns = time.process_time_ns()
    for _ in turns:
        way(reader, None)
    return time.process_time_ns() - start_ns


def cost() -> None:
    """Measure the ways in turns, so that what disturbs the machine meets all of them."""
    device = f"sim:counter?pace=manual&period={FRAMES}"
    total_ns = {"view": 0, "array": 0, "copy": 0}
    with acap.Context() as context, context.open_stream(device) as stream:
        reader = stream.open_reader(acap.ReaderConfig(queue_buffers=BATCH_PACKETS))
        stream.start()
        for batch in range(-BATCHES // 4, BATCHES):
            for name in total_ns:
                taken_ns = batch_ns(WAYS[name], reader)
                total_ns[name] += taken_ns if batch >= 0 else 0
    for name, taken_ns in total_ns.items():
        print(f"ns {name} {taken_ns / BATCHES / BATCH_PACKETS:.1f}")


def card_acap(way: Callable[..., None], meter: Meter) -> None:
    """Capture from the card with acap."""
    config = acap.StreamConfig(
        CARD, sample_rate_hz=RATE_HZ, channel_count=CHANNELS, frames_per_buffer=FRAMES
    )
    with acap.Context() as context, context.open_stream(config) as stream:
        reader = stream.open_reader()
        stream.start()
        while not meter.done.is_set():
            way(reader, meter)
        print("told", reader.stats.frames_lost)


# ---- python-sounddevice ----


def card_sounddevice(way: str, meter: Meter) -> None:
    """Capture with a stream that is read, or whose callback looks, or hands copies over."""
    import sounddevice  # noqa: PLC0415

    packets: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    flags = 0

    def on_packet(data: Any, frames: int, _time: Any, status: Any) -> None:
        nonlocal flags
        flags += bool(status.input_overflow)
        if way == "queue":
            packets.put(bytes(data))
        elif not meter.done.is_set():
            meter.take(data, frames)

    kind = sounddevice.InputStream if way == "callback" else sounddevice.RawInputStream
    callback = None if way == "read" else on_packet
    settings = {"device": CARD, "samplerate": RATE_HZ, "channels": CHANNELS, "latency": LATENCY_S}
    with kind(**settings, dtype="float32", blocksize=FRAMES, callback=callback) as stream:
        while way == "read" and not meter.done.is_set():
            data, overflowed = stream.read(FRAMES)
            flags += bool(overflowed)
            meter.take(data, FRAMES)
        while way == "queue" and not meter.done.is_set():
            meter.take(packets.get(), FRAMES)
        meter.done.wait()
    print("flags", flags)


WAYS = {"view": view, "array": array, "copy": copy}


def main() -> None:
    """Measure what was asked for."""
    if sys.argv[1] == "cost":
        cost()
        return
    way, packets, pause_ms = sys.argv[2:]
    meter = Meter(int(packets), int(pause_ms))
    if way in WAYS:
        card_acap(WAYS[way], meter)
    else:
        card_sounddevice(way, meter)
    meter.report()


if __name__ == "__main__":
    main()
