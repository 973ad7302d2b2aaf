# SPDX-License-Identifier: MIT
"""3,000, 30,000 and 359,937 packets of 3,840 bytes: nothing lost, nothing kept, memory flat."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import FRAMES, Account, assert_stream_law, expected_counter

import acap

if TYPE_CHECKING:
    from collections.abc import Callable

#: Packets that the device captures before the consumer takes them.
_BLOCK = 40
_GROWTH_MAX_BYTES = 4 << 20


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm").read_text(encoding="ascii")
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _take_block(reader: acap.Reader, account: Account, count: int) -> None:
    """Borrow so many packets, and prove every sample of them."""
    first = reader.stats.start_position + reader.stats.frames_delivered
    expected = expected_counter(first, count * FRAMES, 2, acap.Format.F32)
    for index in range(count):
        with reader.borrow(0) as buffer:
            account.add(buffer)
            array = np.asarray(buffer)
            assert array.nbytes == 3840
            assert np.array_equal(array, expected[index * FRAMES : (index + 1) * FRAMES])
            del array


@pytest.mark.parametrize("packet_count", [3_000, 30_000, 359_937])
def test_run(open_counter: Callable[..., acap.Stream], packet_count: int) -> None:
    stream = open_counter()
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=_BLOCK, hold_buffers=1))
    account = Account(reader)
    stream.start()
    left = packet_count
    resident_bytes = None
    while left > 0:
        count = min(_BLOCK, left)
        stream.sim_advance(count * FRAMES)
        _take_block(reader, account, count)
        left -= count
        if resident_bytes is None and packet_count - left >= 1000:
            gc.collect()
            resident_bytes = _resident_bytes()
    account.check()
    gc.collect()
    assert resident_bytes is not None
    assert _resident_bytes() - resident_bytes < _GROWTH_MAX_BYTES
    figures = stream.pool.stats
    assert figures.acquired == packet_count
    assert figures.recycled >= packet_count - figures.capacity
    assert (figures.hit_rate, figures.exhausted, figures.in_use) == (1.0, 0, 0)
    assert figures.in_use_peak <= _BLOCK + 2
    assert account.frames == packet_count * FRAMES
    assert reader.stats.frames_lost == stream.stats.frames_lost == 0
    assert_stream_law(stream.stats)
