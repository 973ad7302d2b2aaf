# SPDX-License-Identifier: MIT
"""One stream, three readers: ``python -m acap.fan_out out.wav``.

A file, a level meter and a CRC-32 of the samples, each in a thread of its own. All three see the
very same buffers.
"""

from __future__ import annotations

import math
import sys
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from . import (
    AcapError,
    Buffer,
    Context,
    End,
    Format,
    Interrupted,
    Overflow,
    Reader,
    ReaderConfig,
    Stream,
    StreamConfig,
    StreamInfo,
    _cli,
)
from ._take import Take
from ._wav import WavWriter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROGRAM = "acap-py-fan-out"
QUEUE_SECONDS = 4
_FLOOR_DB = -99.9


class Consumer(Protocol):
    """What a reader's thread does with a buffer."""

    def consume(self, buffer: Buffer, frame_count: int, /) -> None:
        """Take the first frame_count frames of a buffer."""


class FileConsumer:
    """Writes a file that keeps time by position."""

    def __init__(self, take: Take) -> None:
        self.take = take

    def consume(self, buffer: Buffer, _frame_count: int, /) -> None:
        """Write; the file knows itself where it ends."""
        self.take.add(buffer)


class Meter:
    """Peak and rms of each channel; whole buffers, so that it may hear a little too much."""

    def __init__(self, channel_count: int) -> None:
        self._peak = [0.0] * channel_count
        self._square_sum = [0.0] * channel_count
        self._frame_count = 0
        self.clipped = 0

    def consume(self, buffer: Buffer, _frame_count: int, /) -> None:
        """Measure."""
        levels = buffer.measure()
        self._frame_count += buffer.frame_count
        self.clipped += levels.clipped
        for channel, (peak, rms) in enumerate(zip(levels.peak, levels.rms, strict=True)):
            self._peak[channel] = max(self._peak[channel], peak)
            self._square_sum[channel] += rms * rms * buffer.frame_count

    def __str__(self) -> str:
        parts = [
            f"channel {channel + 1} peak {_decibels(peak):.1f} dB rms "
            f"{_decibels(math.sqrt(square_sum / max(self._frame_count, 1))):.1f} dB"
            for channel, (peak, square_sum) in enumerate(
                zip(self._peak, self._square_sum, strict=True)
            )
        ]
        return ", ".join([*parts, f"{self.clipped} clipped samples"])


def _decibels(amplitude: float) -> float:
    return max(20 * math.log10(amplitude), _FLOOR_DB) if amplitude > 0 else _FLOOR_DB


class Checksum:
    """CRC-32 of the samples, as gzip has it."""

    def __init__(self) -> None:
        self.crc32 = 0
        self.frame_count = 0

    def consume(self, buffer: Buffer, frame_count: int, /) -> None:
        """Add to the sum."""
        with memoryview(buffer) as frames, frames.cast("B") as octets:
            size_bytes = octets.nbytes // buffer.frame_count * frame_count
            self.crc32 = zlib.crc32(octets[:size_bytes], self.crc32)
        self.frame_count += frame_count


class Worker(threading.Thread):
    """One reader, its thread and what went wrong.

    Parameters
    ----------
    name
        For reports.
    reader
        What it reads.
    consumer
        What it does.
    frame_limit
        How many frames it takes; None: all.
    """

    def __init__(
        self, name: str, reader: Reader, consumer: Consumer, frame_limit: int | None
    ) -> None:
        super().__init__(name=name)
        self.reader = reader
        self.error: Exception | None = None
        self._consumer = consumer
        self._room = frame_limit

    def run(self) -> None:
        """Consume until there is nothing more, or enough."""
        try:
            while self._room != 0:
                try:
                    buffer = self.reader.borrow()
                except Interrupted:
                    self.reader.stream.stop()
                    continue
                with buffer:
                    self._consume(buffer)
        except End:
            pass
        except Exception as error:  # noqa: BLE001  (main reports it)
            self.error = error
            self.reader.stream.stop()  # half of the results are no use: the others end too

    def _consume(self, buffer: Buffer) -> None:
        count = buffer.frame_count if self._room is None else min(buffer.frame_count, self._room)
        self._consumer.consume(buffer, count)
        if self._room is not None:
            self._room -= count

    def print_ledger(self) -> None:
        """Account for every frame."""
        figures = self.reader.stats
        print(
            f"ledger of {self.name}: from {figures.start_position} + delivered "
            f"{figures.frames_delivered} + lost {figures.frames_lost} (stream "
            f"{figures.lost_stream}, queue {figures.lost_queue}) + queued "
            f"{figures.frames_queued} = {figures.end_position}"
        )


def open_reader(stream: Stream, info: StreamInfo, name: str) -> Reader:
    """Open a reader; all are there before the stream starts, and begin with the same frame."""
    buffers_per_second = -(-info.sample_rate_hz // info.frames_per_buffer)
    return stream.open_reader(
        ReaderConfig(
            queue_buffers=QUEUE_SECONDS * buffers_per_second,
            hold_buffers=1,
            overflow=Overflow.DROP_NEWEST,
            name=name,
        )
    )


def capture(stream: Stream, workers: Sequence[Worker]) -> None:
    """Run the workers until all of them are done."""

    def end() -> None:
        for worker in workers:
            worker.reader.interrupt()

    with _cli.ended_by_signals(end):
        for worker in workers:
            worker.start()
        try:
            stream.start()
        except AcapError:
            for worker in workers:
                worker.reader.end()
            raise
        finally:
            for worker in workers:
                worker.join()
    stream.stop()


def run(options: argparse.Namespace) -> int:
    """Open everything, capture, complete the file and report."""
    config = StreamConfig(options.device, format=Format.S16)
    with Context() as context, context.open_stream(config) as stream:
        info = stream.info
        limit = round(options.time * info.sample_rate_hz) if options.time else None
        readers = [open_reader(stream, info, name) for name in ("file", "meter", "checksum")]
        with WavWriter(options.file, info.format, info.sample_rate_hz, info.channel_count) as out:
            take = Take(out, readers[0].stats.start_position, limit)
            meter, checksum = Meter(info.channel_count), Checksum()
            consumers: list[Consumer] = [FileConsumer(take), meter, checksum]
            workers = [
                Worker(name, reader, consumer, limit)
                for name, reader, consumer in zip(
                    ("file", "meter", "checksum"), readers, consumers, strict=True
                )
            ]
            capture(stream, workers)
            figures = readers[0].stats
            if figures.frames_queued == 0:
                take.skip_to(figures.end_position)
        print(
            f"file: {options.file}, {out.frames_written} frames, {take.frames_silent} of them "
            "silence for lost ones"
        )
        print(f"meter: {meter}")
        print(f"checksum: crc32 {checksum.crc32:08x} of {checksum.frame_count} frames")
        for worker in workers:
            worker.print_ledger()
    errors = [worker for worker in workers if worker.error is not None]
    for worker in errors:
        _cli.say(PROGRAM, f"{worker.name}: {worker.error}")
    return _cli.FAILED if errors else _cli.OK


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = _cli.make_parser(
        PROGRAM, "Captures once for three readers: a file, a level meter and a checksum."
    )
    parser.add_argument("-d", "--device", help="id or part of the name; sim:sine is simulated")
    parser.add_argument("-t", "--time", type=_cli.parse_seconds, metavar="SECONDS")
    parser.add_argument("file", type=Path, help="the WAV file")
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except AcapError as error:
        return _cli.fail(PROGRAM, error)
    except OSError as error:
        return _cli.fail(PROGRAM, f"{options.file}: {error.strerror or error}")


if __name__ == "__main__":
    sys.exit(main())
