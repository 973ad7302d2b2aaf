# SPDX-License-Identifier: MIT
"""What the tests share: devices in virtual time, the counter's formula, the account."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

import acap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

#: A counting device that captures only when told to: 480 frames of 48 kHz stereo a callback.
COUNTER = "sim:counter?pace=manual&period=480"
#: Frames in a buffer of 10 ms.
FRAMES = 480
#: Nothing in a test takes so long.
LONG = 30.0


def expected_counter(
    position: int, frame_count: int, channel_count: int, sample_format: acap.Format
) -> NDArray[np.generic]:
    """Compute sim:counter's samples by the formula in acap.h."""
    x = (np.arange(position, position + frame_count, dtype=np.uint64) % 2**32)[:, None]
    c = np.arange(channel_count, dtype=np.uint64)[None, :]
    if sample_format == acap.Format.S16:
        return ((x + c * np.uint64(0x1111)) % 2**16).astype(np.uint16).view(np.int16)
    if sample_format == acap.Format.S24:
        values = (x + c * np.uint64(0x010101)) % 2**24
        octets = values.astype("<u4")[..., None].view(np.uint8)
        return octets[..., :3]
    if sample_format == acap.Format.S32:
        return ((x << np.uint64(8) | c) % 2**32).astype(np.uint32).view(np.int32)
    if sample_format == acap.Format.F32:
        values = (x + c * np.uint64(0x010101)) % 2**24
        return ((values.astype(np.int64) - 2**23) / 2**23).astype(np.float32)
    return ((x + c * np.uint64(17)) % 256).astype(np.uint8)


def assert_counts(buffer: acap.Buffer) -> None:
    """Prove that a buffer of sim:counter holds the frames that its position says."""
    assert buffer.format is not None
    expected = expected_counter(
        buffer.position, buffer.frame_count, buffer.channel_count, buffer.format
    )
    np.testing.assert_array_equal(np.asarray(buffer), expected)


def assert_reader_law(figures: acap.ReaderStats) -> None:
    accounted = (
        figures.start_position
        + figures.frames_delivered
        + figures.frames_lost
        + figures.frames_queued
    )
    assert accounted == figures.end_position, figures
    assert figures.frames_lost == figures.lost_stream + figures.lost_queue, figures


def assert_stream_law(figures: acap.StreamStats) -> None:
    assert figures.position == figures.frames_captured + figures.frames_lost, figures
    assert figures.frames_lost == figures.lost_pool + figures.lost_host, figures


def assert_pool_law(figures: acap.PoolStats) -> None:
    assert figures.acquired == figures.released + figures.in_use, figures
    assert figures.free_buffers == figures.capacity - figures.in_use, figures


class Account:
    """Adds up what a consumer got, to compare with what the reader says."""

    def __init__(self, reader: acap.Reader) -> None:
        self._reader = reader
        self._start = reader.stats.start_position
        self._next = self._start
        self.frames = 0
        self.gaps = 0

    def add(self, buffer: acap.Buffer) -> None:
        assert buffer.position >= self._next, "frames came twice or out of order"
        self.gaps += buffer.position - self._next
        self.frames += buffer.frame_count
        self._next = buffer.position + buffer.frame_count

    def check(self) -> None:
        """Compare, once the queue is empty."""
        figures = self._reader.stats
        assert_reader_law(figures)
        assert figures.frames_queued == 0
        assert figures.frames_delivered == self.frames
        assert figures.frames_lost == self.gaps + figures.end_position - self._next


def drain(reader: acap.Reader) -> list[int]:
    """Borrow and release all that is queued; give the positions."""
    positions = []
    while (buffer := reader.try_borrow()) is not None:
        with buffer:
            positions.append(buffer.position)
    return positions


def run_child(
    code: str, *, command: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end."""
    return subprocess.run(
        [*command, sys.executable, "-X", "faulthandler", "-c", code],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error", **(environment or {})},
    )
