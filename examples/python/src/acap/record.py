# SPDX-License-Identifier: MIT
"""Record a device into a WAV file that keeps time: ``python -m acap.record out.wav``.

Ctrl-C ends the file properly. Lost frames become silence. What was delivered, lost and written is
reported at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import (
    AcapError,
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
    TimedOut,
    _cli,
)
from ._take import Take
from ._wav import WavWriter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROGRAM = "acap-py-record"
#: Disks pause; nothing is lost until this much waits.
QUEUE_SECONDS = 4
#: Seven wake-ups a second instead of a hundred.
WAKE_SECONDS = 0.15
STALL_SECONDS = 2.0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = _cli.make_parser(
        PROGRAM, "Records a capture device until interrupted (Ctrl-C), or for -t seconds."
    )
    parser.add_argument("-d", "--device", help="id or part of the name; sim:sine is simulated")
    parser.add_argument("-r", "--rate", type=_cli.parse_count, default=0, metavar="HZ")
    parser.add_argument("-c", "--channels", type=_cli.parse_count, default=0, metavar="COUNT")
    parser.add_argument(
        "-f",
        "--format",
        type=_cli.parse_format,
        default=Format.S16,
        help="s16 (default), s24, s32, f32 or u8",
    )
    parser.add_argument(
        "-t",
        "--time",
        type=_cli.parse_seconds,
        metavar="SECONDS",
        help="length of the file, exact to the frame",
    )
    parser.add_argument("file", type=Path, help="the WAV file")
    return parser.parse_args(arguments)


def open_reader(stream: Stream, info: StreamInfo) -> Reader:
    """Open the reader before the stream starts: the file begins with the device's first frame."""
    buffers_per_second = -(-info.sample_rate_hz // info.frames_per_buffer)
    return stream.open_reader(
        ReaderConfig(
            queue_buffers=max(QUEUE_SECONDS * buffers_per_second, 1),
            wake_buffers=int(buffers_per_second * WAKE_SECONDS),
            hold_buffers=1,
            overflow=Overflow.DROP_NEWEST,  # one long gap instead of many short ones
            name=PROGRAM,
        )
    )


def stop(stream: Stream) -> None:
    """Stop the device; what is queued can still be borrowed, so that the file gets it all."""
    try:
        stream.stop()
    except AcapError as error:
        _cli.say(PROGRAM, f"the device did not stop cleanly: {error}")


def record(stream: Stream, reader: Reader, take: Take) -> None:
    """Record until the file is long enough or nothing more comes."""
    has_stalled = False
    stream.start()
    while not take.is_full:
        try:
            buffer = reader.borrow(STALL_SECONDS)
        except TimedOut:
            if not has_stalled:
                _cli.say(PROGRAM, f"the device has delivered nothing for {STALL_SECONDS:g} s")
            has_stalled = True
        except Interrupted:
            stop(stream)
        except End:
            return
        else:
            has_stalled = False
            with buffer:
                take.add(buffer)


def report(path: Path, info: StreamInfo, stream: Stream, reader: Reader, take: Take) -> None:
    """Account for every frame."""
    figures, source = reader.stats, stream.stats
    captured = figures.frames_delivered + figures.frames_queued
    written = take.frames_captured + take.frames_silent
    _cli.say(
        PROGRAM,
        f"{path}: {written / info.sample_rate_hz:.3f} s, {written} frames of {info.channel_count} "
        f"channels {info.format.name.lower()} at {info.sample_rate_hz} Hz",
    )
    _cli.say(
        PROGRAM,
        f"captured {captured} = recorded {take.frames_captured} + left out "
        f"{captured - take.frames_captured}; lost {figures.frames_lost} (host {source.lost_host}, "
        f"pool {source.lost_pool}, queue {figures.lost_queue}); "
        f"silence written {take.frames_silent}",
    )


def complete(out: WavWriter, reader: Reader, take: Take) -> None:
    """Write the silence for what was lost after the last buffer, and the file's end."""
    figures = reader.stats
    if figures.frames_queued == 0:
        take.skip_to(figures.end_position)
    out.close()


def run(options: argparse.Namespace) -> None:
    """Open, record, complete the file and report, whatever happens in between."""
    config = StreamConfig(options.device, options.rate, options.channels, options.format)
    with Context() as context, context.open_stream(config) as stream:
        info = stream.info
        limit = round(options.time * info.sample_rate_hz) if options.time else None
        with (
            open_reader(stream, info) as reader,
            _cli.ended_by_signals(reader.interrupt),
            WavWriter(options.file, info.format, info.sample_rate_hz, info.channel_count) as out,
        ):
            take = Take(out, reader.stats.start_position, limit)
            try:
                record(stream, reader, take)
            finally:
                stop(stream)
                try:
                    complete(out, reader, take)
                finally:
                    report(options.file, info, stream, reader, take)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    options = parse(arguments)
    try:
        run(options)
    except (AcapError, OverflowError) as error:
        return _cli.fail(PROGRAM, error)
    except OSError as error:
        return _cli.fail(PROGRAM, f"{options.file}: {error.strerror or error}")
    return _cli.OK


if __name__ == "__main__":
    sys.exit(main())
