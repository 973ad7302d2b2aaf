# SPDX-License-Identifier: MIT
"""What the example programs share."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from . import Format, version_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

OK = 0
FAILED = 1

_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def make_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Make a parser with the options that every program has."""
    parser = argparse.ArgumentParser(prog=program, description=description, allow_abbrev=False)
    parser.add_argument(
        "-V", "--version", action="version", version=f"{program} with acap {version_string()}"
    )
    return parser


def parse_format(text: str) -> Format:
    """Read the name of a sample format."""
    try:
        return Format[text.upper()]
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"{text} is no format; s16, s24, s32, f32 and u8 are"
        ) from None


def parse_count(text: str) -> int:
    """Read a positive number."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 0 < value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


def parse_seconds(text: str) -> float:
    """Read a length of time."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds")
    return value


def say(program: str, text: object) -> None:
    """Write a message to standard error."""
    print(f"{program}: {text}", file=sys.stderr)


def fail(program: str, text: object) -> int:
    """Write a message and give the exit status of a failure."""
    say(program, text)
    return FAILED


@contextlib.contextmanager
def ended_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM call `end`; the second one quits at once.

    Python runs `end` on the main thread, between two lines of the program or while it waits.
    """

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for one in _END_SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        end()

    before = [signal.signal(one, on_signal) for one in _END_SIGNALS]
    try:
        yield
    finally:
        for one, handler in zip(_END_SIGNALS, before, strict=True):
            signal.signal(one, handler)
