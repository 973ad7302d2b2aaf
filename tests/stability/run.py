# SPDX-License-Identifier: MIT
"""The Python program of the stability runs.

    run.py SECONDS zero-copy|copying COUNTS_FILE

Takes 100 packets a second from a simulated device in real time, keeps the last half second of them, borrowed or as copies in `bytes`,
checks them, and writes a line of figures a second; any fault ends it with an exception and without the closing line. tests/stability.sh
runs it, with count.c preloaded.
"""

from __future__ import annotations

import ctypes
import gc
import os
import struct
import sys
import time
from typing import TYPE_CHECKING

import acap

if TYPE_CHECKING:
    from collections.abc import Callable

NS_PER_S = 1_000_000_000
HALF_PACKET_NS = 5_000_000
CHANNELS = 2
PACKET_FRAMES = 480
PACKET_BYTES = 3840
HELD = 50  # half a second, as a consumer keeps that passes them on
QUEUE = 300  # three seconds: a busy machine is no loss
WARM_PACKETS = 30_000
WARM_BLOCK = 40
SETTLE_NS = 5 * NS_PER_S
PATIENCE_S = 30.0
SETTLED_LINES = 30  # at most so many of the second half are written after a collection
WHOLE_EVERY = 100  # so many packets are checked at both ends, and then one in every sample

HEAD = (
    "time_s,packets,resident_bytes,settled_bytes,heap_bytes,heap_blocks,external_bytes,pool_bytes,hit_rate,in_use,in_use_peak,"
    "frames_lost,collections,library_allocations,process_allocations,process_allocated_bytes"
)


def sample(frame: int, channel: int) -> float:
    """Compute what sim:counter delivers, by the formula in acap.h."""
    return ((frame + channel * 0x010101) % 2**24 - 2**23) / 2**23


class Ring:
    """The last half second, borrowed: each is given back when the next one takes its place."""

    def __init__(self) -> None:
        self._held: list[acap.Buffer | bytes | None] = [None] * HELD
        self._at = 0

    def put(self, kept: acap.Buffer | bytes | None) -> None:
        oldest = self._held[self._at]
        if isinstance(oldest, acap.Buffer):
            oldest.release()
        self._held[self._at] = kept
        self._at = (self._at + 1) % HELD

    def clear(self) -> None:
        for _ in range(HELD):
            self.put(None)


class Consumer:
    """One stream with one reader, and what was taken from it."""

    def __init__(self, device: str, *, copies: bool) -> None:
        self.context = acap.Context()
        self.stream = self.context.open_stream(
            acap.StreamConfig(
                device,
                sample_rate_hz=48_000,
                channel_count=CHANNELS,
                format=acap.Format.F32,
                frames_per_buffer=PACKET_FRAMES,
            )
        )
        self.reader = self.stream.open_reader(acap.ReaderConfig(queue_buffers=QUEUE, hold_buffers=HELD))
        self.pool = self.stream.pool
        self.ring = Ring()
        self.copies = copies
        self.taken = 0
        self.next_position = 0
        self.gap_frames = 0
        self.stream.start()

    def keep(self, buffer: acap.Buffer) -> None:
        """Check a packet where it will be looked at, and keep it or a copy of it."""
        self.gap_frames += buffer.position - self.next_position
        self.next_position = buffer.position + buffer.frame_count
        if not self.copies:
            self._check(buffer, buffer.position)
            self.ring.put(buffer)
        else:
            position = buffer.position
            with buffer:
                copy = bytes(buffer)
            self._check(copy, position)
            self.ring.put(copy)
        self.taken += 1

    def _check(self, data: acap.Buffer | bytes, position: int) -> None:
        with memoryview(data) as octets, octets.cast("B") as view:
            if len(view) != PACKET_BYTES:
                raise AssertionError(f"a packet of {len(view)} bytes")
            step = 1 if self.taken % WHOLE_EVERY == 0 else PACKET_FRAMES - 1
            for frame in range(0, PACKET_FRAMES, step):
                for channel in range(CHANNELS):
                    (value,) = struct.unpack_from("=f", view, (frame * CHANNELS + channel) * 4)
                    if value != sample(position + frame, channel):
                        raise AssertionError(f"frame {position + frame} is {value} in channel {channel}")

    def close(self) -> None:
        """Stop, account for every frame and every buffer, and close."""
        self.stream.stop()
        for buffer in self.reader:
            self.keep(buffer)
        self._check_law()
        self.ring.clear()
        figures = self.pool.stats
        if figures.in_use != 0 or figures.acquired != figures.released or figures.rejected_releases != 0:
            raise AssertionError(f"the pool does not have every buffer back: {figures}")
        self.pool.close()
        self.reader.close()
        self.stream.close()
        self.context.close()

    def _check_law(self) -> None:
        reader = self.reader.stats
        stream = self.stream.stats
        accounted = reader.start_position + reader.frames_delivered + reader.frames_lost + reader.frames_queued
        equations = (
            accounted == reader.end_position == stream.position == self.next_position,
            reader.frames_lost == reader.lost_stream + reader.lost_queue == self.gap_frames,
            stream.position == stream.frames_captured + stream.frames_lost,
            stream.frames_lost == stream.lost_pool + stream.lost_host,
            reader.buffers_delivered == self.taken,
        )
        if not all(equations):
            raise AssertionError(f"not conserved: {equations}, {reader}, {stream}")


def warm_up(*, copies: bool) -> None:
    """Run the same loop in virtual time, so that every page has been touched that ever will be."""
    consumer = Consumer("sim:counter?pace=manual&period=480", copies=copies)
    while consumer.taken < WARM_PACKETS:
        consumer.stream.sim_advance(WARM_BLOCK * PACKET_FRAMES)
        for _ in range(WARM_BLOCK):
            consumer.keep(consumer.reader.borrow(PATIENCE_S))
    consumer.close()
    gc.collect()


# ---- Figures ----


class MallInfo(ctypes.Structure):
    """struct mallinfo2 of the C library."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


class Figures:
    """What is known of this process and of a consumer, a line at a time."""

    def __init__(self, counts_path: str) -> None:
        self._counts = os.open(counts_path, os.O_RDONLY)
        self._resident = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
        self._asked_for = 0
        self._mallinfo: Callable[[], MallInfo] = ctypes.CDLL(None).mallinfo2
        self._mallinfo.restype = MallInfo  # type: ignore[attr-defined]

    def _resident_bytes(self) -> int:
        """Walk the page tables: statm is a sum that lags behind by a hundred pages or more."""
        text = os.pread(self._resident, 2048, 0)
        begin = text.index(b"\nRss:") + 5
        return int(text[begin : text.index(b"kB", begin)]) * 1024

    def _settled_bytes(self) -> int:
        """Collect what waits for the collector; what is left is in use."""
        gc.collect()
        self._asked_for += 1
        return self._resident_bytes()

    def write(self, consumer: Consumer, packets: int, begin_ns: int, *, collects: bool) -> None:
        pool = consumer.pool.stats
        heap = self._mallinfo()
        counts = struct.unpack("=3Q", os.pread(self._counts, 24, 0))
        collections = sum(generation["collections"] for generation in gc.get_stats()) - self._asked_for
        settled_bytes = self._settled_bytes() if collects else 0
        fields = (
            f"{(time.monotonic_ns() - begin_ns) / NS_PER_S:.3f}",
            packets,
            self._resident_bytes(),
            settled_bytes,
            heap.uordblks + heap.hblkhd,
            sys.getallocatedblocks(),
            0,
            pool.memory_bytes,
            pool.hit_rate,
            pool.in_use,
            pool.in_use_peak,
            consumer.reader.stats.frames_lost,
            collections,
            *counts,
        )
        print(*fields, sep=",", flush=True)


# ---- The run ----


def collects_at(second: int, seconds: int) -> bool:
    """Tell which lines give the figure that is judged: of the second half, all or so many."""
    return second * 2 >= seconds and second % max(1, seconds // 2 // SETTLED_LINES) == 0


def measure(consumer: Consumer, figures: Figures, seconds: int) -> None:
    """Count the packets that were captured within so many seconds, by the clock and whenever they come here."""
    settled_ns = acap.clock_ns() + SETTLE_NS
    reader = consumer.reader
    while (buffer := reader.borrow(PATIENCE_S)).time_ns < settled_ns:
        consumer.keep(buffer)
    # Between two packets, so that it does not matter if a time is off by a millisecond.
    begin_ns = buffer.time_ns - HALF_PACKET_NS
    packets = 0
    next_second = 0
    while (second := (buffer.time_ns - begin_ns) // NS_PER_S) < seconds:
        if second >= next_second:
            figures.write(consumer, packets, begin_ns, collects=collects_at(second, seconds))
            next_second = second + 1
        packets += 1
        consumer.keep(buffer)
        buffer = reader.borrow(PATIENCE_S)
    figures.write(consumer, packets, begin_ns, collects=True)
    consumer.keep(buffer)


def main() -> None:
    seconds, variant, counts_path = sys.argv[1:]
    copies = {"zero-copy": False, "copying": True}[variant]
    figures = Figures(counts_path)
    print(f"# language=Python variant={variant} runtime={sys.version.split()[0]} duration_s={seconds}")
    print(HEAD)
    warm_up(copies=copies)
    consumer = Consumer("sim:counter?pace=real&period=480", copies=copies)
    measure(consumer, figures, int(seconds))
    consumer.close()
    print("# end", flush=True)


if __name__ == "__main__":
    main()
