#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure what a packet of 3,840 bytes costs in Python: looked at in place, and copied.

First in virtual time: a simulated device captures a block of packets outside the measured part,
then they are borrowed, looked at and given back. Then in real time, if a virtual sound card is
given: the processor time of the whole process for each packet, for acap and for
python-sounddevice's RawInputStream on the same card.

    python_bench.py [--batches N] [--card PLUGIN [--seconds S]]

PLUGIN is the card_plugin module that the tests build. Needs the acap package; NumPy and sounddevice
are used if they are there. One JSON object a line for each result, then a Markdown table.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib
import itertools
import json
import os
import platform
import queue
import statistics
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import acap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FRAMES = 480
CHANNELS = 2
RATE_HZ = 48_000
PACKET_BYTES = FRAMES * CHANNELS * 4
BATCH_PACKETS = 1000
WARM_UP_BATCHES = 3
HELD_PACKETS = 200
CARD = "acap_bench_card"

Result = dict[str, Any]


def find_module(name: str) -> Any:
    """Import a module that may be missing."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        skip(f"{name}: {error}")
        return None


def skip(reason: str) -> None:
    """Say what is not measured."""
    print(f"skipped: {reason}", file=sys.stderr)


# ---- virtual time: what is done with a packet ----


def nothing(reader: acap.Reader) -> None:
    """Borrow, release."""
    reader.borrow().release()


def nothing_with(reader: acap.Reader) -> None:
    """Borrow, leave a ``with`` block."""
    with reader.borrow():
        pass


def forget(reader: acap.Reader) -> None:
    """Borrow, forget: the last reference gives it back."""
    reader.borrow()


def view(reader: acap.Reader) -> None:
    """Borrow, memoryview, release."""
    with reader.borrow() as buffer, memoryview(buffer):
        pass


def array(numpy: Any, reader: acap.Reader) -> None:
    """Borrow, numpy.asarray, release."""
    with reader.borrow() as buffer:
        numpy.asarray(buffer)


def copy_bytes(reader: acap.Reader) -> None:
    """Borrow, bytes(), release."""
    with reader.borrow() as buffer:
        bytes(buffer)


def copy_array(numpy: Any, reader: acap.Reader) -> None:
    """Borrow, numpy.array, release."""
    with reader.borrow() as buffer:
        numpy.array(buffer)


def hold_view(reader: acap.Reader) -> object:
    """Give what somebody keeps who looks in place."""
    buffer = reader.borrow()
    return buffer, memoryview(buffer)


def hold_copy(reader: acap.Reader) -> object:
    """Give what somebody keeps who copies."""
    with reader.borrow() as buffer:
        return bytes(buffer)


# ---- virtual time: measuring ----


def time_batch(take: Callable[[acap.Reader], object], reader: acap.Reader) -> float:
    """Give the processor time of each packet of one batch, in nanoseconds."""
    reader.stream.sim_advance(BATCH_PACKETS * FRAMES)
    turns = itertools.repeat(None, BATCH_PACKETS)
    start_ns = time.thread_time_ns()
    for _ in turns:
        take(reader)
    return (time.thread_time_ns() - start_ns) / BATCH_PACKETS


def kept_blocks(take: Callable[[acap.Reader], object], reader: acap.Reader) -> float:
    """Give the blocks of Python's memory that are left behind by each packet."""
    time_batch(take, reader)
    gc.collect()
    before = sys.getallocatedblocks()
    time_batch(take, reader)
    gc.collect()
    return (sys.getallocatedblocks() - before) / BATCH_PACKETS


def held_memory(take: Callable[[acap.Reader], object], reader: acap.Reader) -> tuple[float, float]:
    """Give the blocks and bytes of Python's memory that one packet is made of while it is held."""
    reader.stream.sim_advance(HELD_PACKETS * FRAMES)
    held: list[object] = [None] * HELD_PACKETS
    tracemalloc.start()
    blocks, (octets, _) = sys.getallocatedblocks(), tracemalloc.get_traced_memory()
    for index in range(HELD_PACKETS):
        held[index] = take(reader)
    octets = tracemalloc.get_traced_memory()[0] - octets
    tracemalloc.stop()
    blocks = sys.getallocatedblocks() - blocks
    return blocks / HELD_PACKETS, octets / HELD_PACKETS


def measure_call(batches: int) -> Result:
    """Measure the cheapest call into the library, for comparison."""
    times_ns = []
    for _ in range(batches):
        start_ns = time.thread_time_ns()
        for _ in range(BATCH_PACKETS):
            acap.version()
        times_ns.append((time.thread_time_ns() - start_ns) / BATCH_PACKETS)
    return summary("a call into C (acap_version)", times_ns)


def summary(name: str, times_ns: list[float]) -> Result:
    """Make the result of so many batches."""
    times_ns.sort()
    return {
        "case": name,
        "unit": "ns",
        "best": round(times_ns[0]),
        "median": round(statistics.median(times_ns)),
        "p99": round(times_ns[min(len(times_ns) - 1, int(len(times_ns) * 0.99))]),
        "packets": len(times_ns) * BATCH_PACKETS,
    }


def measure(
    cases: dict[str, Callable[[acap.Reader], object]], reader: acap.Reader, batches: int
) -> Iterator[Result]:
    """Measure in turns, so that a machine that slows down slows all cases down."""
    times_ns: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(WARM_UP_BATCHES + batches):
        for name, take in cases.items():
            times_ns[name].append(time_batch(take, reader))
    for name, take in cases.items():
        result = summary(name, times_ns[name][WARM_UP_BATCHES:])
        yield result | {"kept_blocks": round(kept_blocks(take, reader), 3)}


def virtual_time(numpy: Any, batches: int) -> Iterator[Result]:
    """Measure all that needs no clock."""
    device = f"sim:counter?pace=manual&period={FRAMES}"
    with acap.Context() as context, context.open_stream(device) as stream:
        reader = stream.open_reader(acap.ReaderConfig(queue_buffers=BATCH_PACKETS))
        stream.start()
        cases: dict[str, Callable[[acap.Reader], object]] = {
            "borrow, release": nothing,
            "borrow, with": nothing_with,
            "borrow, forget": forget,
            "borrow, memoryview, with": view,
            "borrow, bytes(), with": copy_bytes,
        }
        if numpy is not None:
            cases["borrow, numpy.asarray, with"] = functools.partial(array, numpy)
            cases["borrow, numpy.array (a copy), with"] = functools.partial(copy_array, numpy)
        yield measure_call(batches)
        yield from measure(cases, reader, batches)
        for name, take in (("held: buffer + memoryview", hold_view), ("held: bytes", hold_copy)):
            blocks, octets = held_memory(take, reader)
            yield {
                "case": name,
                "unit": "held",
                "blocks": round(blocks, 1),
                "bytes": round(octets),
            }
        figures, pool = reader.stats, stream.pool.stats
        if figures.frames_lost or pool.in_use or pool.exhausted:
            sys.exit(f"broken: {figures} {pool}")


# ---- real time, on a virtual card ----


def per_packet(name: str, cpu_s: float, packets: int, lost: int | None, seconds: float) -> Result:
    """Make the result of a run in real time."""
    return {
        "case": name,
        "unit": "us CPU",
        "median": round(cpu_s / packets * 1e6, 1),
        "packets": packets,
        "seconds": seconds,
        "lost_frames": lost,
    }


def acap_in_real_time(
    name: str, wake_buffers: int, seconds: float, look: Callable[..., object]
) -> Result:
    """Capture with acap, and do something with each packet."""
    config = acap.StreamConfig(
        CARD, sample_rate_hz=RATE_HZ, channel_count=CHANNELS, frames_per_buffer=FRAMES
    )
    packets = int(seconds * RATE_HZ / FRAMES)
    with acap.Context() as context, context.open_stream(config) as stream:
        reader = stream.open_reader(acap.ReaderConfig(wake_buffers=wake_buffers))
        stream.start()
        reader.borrow(10).release()
        cpu_s = time.process_time()
        for buffer in itertools.islice(reader, packets):
            with buffer:
                look(buffer)
        cpu_s = time.process_time() - cpu_s
        stream.stop()
        return per_packet(name, cpu_s, packets, reader.stats.frames_lost, seconds)


def sounddevice_in_real_time(
    sounddevice: Any, name: str, seconds: float, look: Callable[..., object]
) -> Result:
    """Capture with python-sounddevice's raw stream, and do something with each packet."""
    packets = int(seconds * RATE_HZ / FRAMES)
    started, enough = threading.Event(), threading.Event()
    count, overflows = 0, 0

    def on_packet(data: Any, _frames: int, _time: Any, status: Any) -> None:
        nonlocal count, overflows
        look(data)
        count += 1
        overflows += bool(status.input_overflow)
        started.set()
        if count >= packets:
            enough.set()

    stream = sounddevice.RawInputStream(
        device=CARD,
        samplerate=RATE_HZ,
        channels=CHANNELS,
        dtype="float32",
        blocksize=FRAMES,
        latency="high",
        callback=on_packet,
    )
    with stream:
        if not started.wait(10):
            sys.exit("broken: sounddevice delivered nothing")
        before, cpu_s = count, time.process_time()
        if not enough.wait(seconds + 10):
            sys.exit("broken: sounddevice stopped delivering")
        cpu_s = time.process_time() - cpu_s
    result = per_packet(name, cpu_s, packets - before, None, seconds)
    return result | {"overflows": overflows}


def use_card(plugin: Path, directory: str) -> None:
    """Point ALSA at a virtual card, and at nothing else."""
    configuration = Path(directory) / "asound.conf"
    card = f'type acapcard channels {CHANNELS} rates {RATE_HZ} formats "FLOAT_LE"'
    configuration.write_text(
        f'pcm_type.acapcard {{ lib "{plugin.resolve()}" }}\n'
        f"pcm.{CARD} {{ {card} }}\npcm.!default {{ {card} }}\n"
    )
    os.environ["ALSA_CONFIG_PATH"] = str(configuration)
    os.environ["JACK_NO_START_SERVER"] = "1"
    os.environ["JACK_DEFAULT_SERVER"] = "acap_no_such_server"


def real_time(plugin: Path | None, seconds: float) -> Iterator[Result]:
    """Measure what needs a card."""
    if plugin is None:
        skip("real time: no --card plug-in was given")
        return
    with tempfile.TemporaryDirectory() as directory:
        use_card(plugin, directory)
        yield acap_in_real_time("acap, memoryview", 1, seconds, memoryview)
        yield acap_in_real_time("acap, memoryview, 10 a wake-up", 10, seconds, memoryview)
        yield acap_in_real_time("acap, bytes()", 1, seconds, bytes)
        sounddevice = find_module("sounddevice")
        if sounddevice is None:
            return
        hand_over: queue.SimpleQueue[bytes] = queue.SimpleQueue()

        def hand_over_copy(data: Any) -> None:
            hand_over.put(bytes(data))
            hand_over.get()

        run = functools.partial(sounddevice_in_real_time, sounddevice)
        yield run("sounddevice, memoryview in the callback", seconds, memoryview)
        yield run("sounddevice, bytes() handed over", seconds, hand_over_copy)


# ---- output ----


def print_table(results: list[Result]) -> None:
    """Print a Markdown table."""
    print(
        "\n| what, for each packet | median | best | p99 | packets | notes |"
        "\n|---|---|---|---|---|---|"
    )
    for result in results:
        unit = result["unit"]
        shown = {key: result.get(key, "") for key in ("median", "best", "p99", "packets")}
        known = {"case", "unit", "seconds", *shown}
        notes = ", ".join(f"{key} {value}" for key, value in result.items() if key not in known)
        median = f"{shown['median']} {unit}" if shown["median"] != "" else unit
        print(
            f"| {result['case']} | {median} | {shown['best']} | {shown['p99']} "
            f"| {shown['packets']} | {notes} |"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="What a packet costs in Python.")
    parser.add_argument("--batches", type=int, default=50, help="of 1,000 packets for each case")
    parser.add_argument("--card", type=Path, help="the virtual sound card's ALSA plug-in")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each run in real time")
    options = parser.parse_args()
    numpy = find_module("numpy")
    head = {
        "acap": acap.version_string(),
        "python": platform.python_version(),
        "numpy": numpy.__version__ if numpy is not None else None,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packet_bytes": PACKET_BYTES,
    }
    print(json.dumps(head), flush=True)
    results = []
    runs = (virtual_time(numpy, options.batches), real_time(options.card, options.seconds))
    for result in itertools.chain(*runs):
        results.append(result)
        print(json.dumps(result), flush=True)
    print_table(results)


if __name__ == "__main__":
    main()
