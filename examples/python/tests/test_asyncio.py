# SPDX-License-Identifier: MIT
"""Readers and events in asyncio: no threads, no polling."""

from __future__ import annotations

import asyncio
import threading

import pytest
from support import FRAMES, LONG, Account, assert_counts

import acap


def test_async_for(stream: acap.Stream) -> None:
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=4))
    account = Account(reader)
    positions: list[int] = []

    async def consume() -> None:
        async for buffer in reader:
            with buffer:
                assert_counts(buffer)
                account.add(buffer)
                positions.append(buffer.position)

    async def feed() -> None:
        for count in range(50):
            stream.sim_advance(FRAMES)
            while len(positions) <= count:
                await asyncio.sleep(0)
        stream.stop()

    async def main() -> None:
        async with asyncio.timeout(LONG):
            await asyncio.gather(consume(), feed())

    threads = threading.active_count()
    asyncio.run(main())
    assert threading.active_count() == threads
    assert positions == [count * FRAMES for count in range(50)]
    account.check()


def test_a_task_that_waits_can_be_cancelled(stream: acap.Stream) -> None:
    reader = stream.open_reader()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await reader.borrow_async()
        stream.sim_advance(FRAMES)
        async with asyncio.timeout(LONG):
            with await reader.borrow_async() as buffer:
                assert buffer.position == 0

    asyncio.run(main())


def test_ending_a_task_that_waits(stream: acap.Stream) -> None:
    async def run(reader: acap.Reader) -> None:
        async for _ in reader:
            pass

    async def main() -> None:
        for end, error in (
            (acap.Reader.end, None),
            (acap.Reader.interrupt, acap.Interrupted),
            (acap.Reader.close, acap.InvalidStateError),
        ):
            reader = stream.open_reader()
            task = asyncio.create_task(run(reader))
            while not reader._wait.is_in_use:
                await asyncio.sleep(0)
            with pytest.raises(acap.InvalidStateError, match="somebody else waits"):
                await reader.borrow_async()
            end(reader)
            async with asyncio.timeout(LONG):
                if error is None:
                    await task
                else:
                    with pytest.raises(error):
                        await task

    asyncio.run(main())


def test_a_full_queue_lets_other_tasks_run(stream: acap.Stream) -> None:
    count = 1000
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=count))
    stream.sim_advance(count * FRAMES)
    stream.stop()

    async def main() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async for buffer in reader:
            buffer.release()
        task.cancel()
        return turns

    assert asyncio.run(main()) >= count // 64


def test_events(context: acap.Context) -> None:
    async def main() -> acap.Event:
        task = asyncio.create_task(context.next_event_async())
        await asyncio.sleep(0)
        with context.open_stream("sim:counter?pace=manual&period=480&stall=1s:1s") as stream:
            stream.start()
            stream.sim_advance(480_000)
            async with asyncio.timeout(LONG):
                return await task

    assert asyncio.run(main()).type is acap.EventType.STREAM_STALLED


def test_several_readers_in_one_loop(stream: acap.Stream) -> None:
    readers = [stream.open_reader() for _ in range(8)]

    async def consume(reader: acap.Reader) -> int:
        count = 0
        async for buffer in reader:
            with buffer:
                count += buffer.frame_count
        return count

    async def main() -> list[int]:
        tasks = [asyncio.create_task(consume(reader)) for reader in readers]
        for _ in range(20):
            stream.sim_advance(FRAMES)
            await asyncio.sleep(0)
        stream.stop()
        async with asyncio.timeout(LONG):
            return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [20 * FRAMES] * 8
