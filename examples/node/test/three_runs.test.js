// SPDX-License-Identifier: MIT
'use strict';
// 3,000, 30,000 and 359,937 packets of 3,840 bytes: nothing lost, nothing kept, memory flat; then the same, forgotten.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const acap = require('acap');
const { Account, FRAMES, assertInterleaved, assertLaws, collect, nextTurn, withStream } = require('./support.js');

/** Packets that the device captures before the consumer takes them. */
const BLOCK = 40;
const PACKET_BYTES = 3840;
const WARM_PACKETS = 1000;
const GROWTH_MAX_BYTES = 16 << 20;
const EXTERNAL_GROWTH_MAX_BYTES = 1 << 20;

/** Borrow so many packets, and prove every sample of them. */
function takeBlock(reader, account, count) {
  for (let i = 0; i < count; i += 1) {
    const buffer = reader.tryBorrow();
    account.add(buffer);
    assert.equal(buffer.samples.byteLength, PACKET_BYTES);
    assertInterleaved(buffer.samples, buffer.position, 2, acap.Format.F32);
    buffer.release();
  }
}

async function memory() {
  await collect();
  return process.memoryUsage();
}

for (const packetCount of [3_000, 30_000, 359_937]) {
  test(`${packetCount} packets, each released`, () =>
    withStream({}, async ({ stream, pool, openReader }) => {
      const reader = openReader({ queueBuffers: BLOCK, holdBuffers: 1 });
      const account = new Account(reader);
      let warm = null;
      for (let left = packetCount; left > 0; ) {
        const count = Math.min(BLOCK, left);
        stream.simAdvance(count * FRAMES);
        takeBlock(reader, account, count);
        left -= count;
        if (warm === null && packetCount - left >= WARM_PACKETS) warm = await memory();
        if ((packetCount - left) % (10 * BLOCK) === 0) await nextTurn();
      }
      account.check();
      const end = await memory();
      const figures = pool.stats;
      assert.equal(figures.acquired, packetCount);
      assert.ok(figures.recycled >= packetCount - figures.capacity);
      assert.ok(figures.recycled / figures.acquired > (packetCount > 10_000 ? 0.99 : 0.95));
      assert.deepEqual([figures.hitRate, figures.exhausted, figures.inUse, acap.buffersHeld()], [1, 0, 0, 0]);
      assert.ok(figures.inUsePeak <= BLOCK + 2);
      assert.equal(account.frames, packetCount * FRAMES);
      assert.deepEqual([reader.stats.framesLost, stream.stats.framesLost], [0, 0]);
      assert.ok(end.rss - warm.rss < GROWTH_MAX_BYTES, `resident memory grew by ${end.rss - warm.rss} bytes`);
      assert.ok(end.external - warm.external < EXTERNAL_GROWTH_MAX_BYTES, `${warm.external} to ${end.external}`);
      assert.ok(end.arrayBuffers - warm.arrayBuffers < EXTERNAL_GROWTH_MAX_BYTES, `${warm.arrayBuffers} to ${end.arrayBuffers}`);
      console.log(
        `${packetCount} packets: hit rate ${figures.hitRate}, recycled ${figures.recycled}, peak ${figures.inUsePeak}, ` +
          `resident ${end.rss - warm.rss}, external ${end.external - warm.external}, ` +
          `arrayBuffers ${end.arrayBuffers - warm.arrayBuffers} bytes more`,
      );
    }));
}

test('30,000 packets in an asynchronous loop', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader({ queueBuffers: BLOCK, holdBuffers: 1 });
    const account = new Account(reader);
    stream.simAdvance(FRAMES);
    let count = 0;
    for await (const buffer of reader.loans()) {
      account.add(buffer);
      assertInterleaved(buffer.samples, buffer.position, 2, acap.Format.F32);
      count += 1;
      if (count < 30_000) stream.simAdvance(FRAMES);
      else break;
    }
    account.check();
    const figures = pool.stats;
    assert.deepEqual([figures.acquired, figures.inUse, figures.hitRate], [30_000, 0, 1]);
    assert.ok(figures.inUsePeak <= 3);
  }));

test('30,000 packets that nobody releases come back by the collector, and the peak is bounded', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader({ queueBuffers: BLOCK, holdBuffers: 4096 });
    const account = new Account(reader);
    const forget = (count) => {
      for (let i = 0; i < count; i += 1) {
        const buffer = reader.tryBorrow();
        account.add(buffer);
        assertInterleaved(buffer.samples.subarray(0, 16), buffer.position, 2, acap.Format.F32);
      }
    };
    let heldPeak = 0;
    for (let packet = 0; packet < 30_000; packet += BLOCK) {
      stream.simAdvance(BLOCK * FRAMES);
      forget(BLOCK);
      heldPeak = Math.max(heldPeak, acap.buffersHeld());
      await nextTurn(); // the collector is asked by nobody; finalizers run between turns
    }
    account.check();
    const before = pool.stats;
    assert.ok(heldPeak < 15_000, `${heldPeak} were out at once`);
    assert.ok(before.inUsePeak >= heldPeak && before.inUsePeak <= heldPeak + BLOCK);
    assert.ok(before.recycled > 10_000 && before.hitRate === 1, `${before.recycled} recycled`);
    await collect();
    const { inUse, released } = pool.stats;
    assert.deepEqual([inUse, released, acap.buffersHeld()], [0, 30_000, 0]);
    console.log(`30000 forgotten: ${heldPeak} out at once, recycled ${before.recycled}`);
    assertLaws({ reader, stream, pool });
  }));

test('the garbage collector is told of what buffers keep', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader({ queueBuffers: 1000 });
    stream.simAdvance(1000 * FRAMES);
    const before = await memory();
    let held = [];
    for (let i = 0; i < 1000; i += 1) held.push(reader.tryBorrow());
    const during = await memory();
    // V8 counts external ArrayBuffers itself; an adjustment by the addon would count them twice.
    const told = during.external - before.external;
    assert.ok(told >= 1000 * PACKET_BYTES && told < 1.5 * 1000 * PACKET_BYTES, `${told} bytes`);
    held.forEach((buffer) => buffer.release());
    const after = process.memoryUsage();
    assert.ok(after.external - before.external < 500 * PACKET_BYTES, `${after.external - before.external} bytes`);
    held = null;
  }));
