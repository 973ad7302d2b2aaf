# SPDX-License-Identifier: MIT
"""Fixtures; every reader, stream and pool that a test leaves or closes is held to its law."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest
from support import COUNTER, assert_pool_law, assert_reader_law, assert_stream_law

import acap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _laws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check the conservation law of each reader before it is closed, and at the end of the test."""
    readers: weakref.WeakSet[acap.Reader] = weakref.WeakSet()
    open_reader = acap.Stream.open_reader
    close = acap.Reader.close

    def check(reader: acap.Reader) -> None:
        if not reader._handle.is_closed:
            assert_reader_law(reader.stats)

    def open_and_note(stream: acap.Stream, config: acap.ReaderConfig | None = None) -> acap.Reader:
        reader = open_reader(stream, config)
        readers.add(reader)
        return reader

    def check_and_close(reader: acap.Reader) -> None:
        check(reader)
        close(reader)

    monkeypatch.setattr(acap.Stream, "open_reader", open_and_note)
    monkeypatch.setattr(acap.Reader, "close", check_and_close)
    yield
    for reader in list(readers):
        check(reader)


@pytest.fixture
def context() -> Iterator[acap.Context]:
    with acap.Context() as made:
        yield made


@pytest.fixture
def open_counter(context: acap.Context) -> Iterator[Callable[..., acap.Stream]]:
    """Open counting streams in virtual time; at the end all their buffers must be back."""
    streams: list[acap.Stream] = []

    def open_one(device: str = COUNTER, **settings: object) -> acap.Stream:
        streams.append(
            context.open_stream(acap.StreamConfig(device, **settings))  # type: ignore[arg-type]
        )
        return streams[-1]

    yield open_one
    for stream in streams:
        if stream._handle.is_closed:
            continue
        assert_stream_law(stream.stats)
        with stream.pool as pool:
            stream.close()
            gc.collect()
            assert_pool_law(pool.stats)


@pytest.fixture
def stream(open_counter: Callable[..., acap.Stream]) -> acap.Stream:
    made = open_counter()
    made.start()
    return made
