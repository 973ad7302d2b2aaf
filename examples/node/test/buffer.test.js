// SPDX-License-Identifier: MIT
'use strict';
// Borrowed buffers: what they show, whom they share memory with, how they go back.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { inspect } = require('node:util');
const acap = require('acap');
const { FRAMES, assertCounts, collect, counterSample, drain, nextTurn, withStream } = require('./support.js');

const VIEWS = { S16: Int16Array, S24: Uint8Array, S32: Int32Array, F32: Float32Array, U8: Uint8Array };
const isReleased = { name: 'AcapError', code: 'ERR_ACAP_RELEASED', result: acap.Result.ERROR_INVALID_STATE };

for (const [name, format] of Object.entries(acap.Format)) {
  for (const planar of [false, true]) {
    for (const channelCount of [1, 2, 7]) {
      test(`${name}, ${channelCount} channels${planar ? ', planar' : ''}`, () =>
        withStream({ format, channelCount, planar }, async ({ stream, openReader }) => {
          const reader = openReader();
          stream.simAdvance(3 * FRAMES);
          await stream.stop();
          for await (const buffer of reader.loans()) {
            assert.ok(buffer.samples instanceof VIEWS[name]);
            assert.equal(buffer.samples.buffer, buffer.arrayBuffer);
            assert.equal(buffer.isCopy, !acap.externalBuffers);
            assert.equal(buffer.format, format);
            if (channelCount > 1) assert.equal(buffer.planeStrideBytes > 0, planar);
            assertCounts(buffer);
          }
          assert.equal(reader.stats.buffersDelivered, 3);
        }));
    }
  }
}

test('one channel of many', () =>
  withStream({ planar: true, channelCount: 3 }, async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    assert.deepEqual([buffer.channel(2).length, buffer.channel(2)[7]], [FRAMES, counterSample(7, 2, acap.Format.F32)]);
    for (const wrong of [-1, 3, 0.5, '1', undefined]) assert.throws(() => buffer.channel(wrong), RangeError);
    buffer.release();
    assert.throws(() => buffer.channel(0), isReleased);
  }));

test('channels that take turns have no view', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    assert.throws(() => buffer.channel(0), { name: 'TypeError', message: /planar: true/ });
    buffer.release();
  }));

test('the header', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(2 * FRAMES);
    const [one, two] = [reader.tryBorrow(), reader.tryBorrow()];
    assert.deepEqual([one.position, two.position], [0, FRAMES]);
    assert.equal(typeof one.timeNs, 'bigint');
    assert.ok(two.timeNs - one.timeNs > 9_900_000n && two.timeNs - one.timeNs < 10_100_000n);
    assert.ok(one.timeErrorNs === null || one.timeErrorNs >= 0n);
    assert.deepEqual([one.frameCount, one.channelCount, one.sampleRateHz, one.sizeBytes], [FRAMES, 2, 48_000, 3840]);
    assert.deepEqual([one.lostBefore, one.flags, one.planeStrideBytes], [0, 0, 0]);
    assert.equal(inspect(one), `Buffer { position 0, 480 x 2, ${one.isCopy ? 'a copy' : 'borrowed'} }`);
    one.release();
    two.release();
    assert.equal(inspect(two), 'Buffer { position 480, 480 x 2, released }');
    assert.deepEqual([two.position, two.frameCount], [FRAMES, FRAMES]);
  }));

test('the time bound is null where the library does not know it', () =>
  withStream({ device: 'sim:counter?pace=fast&period=480' }, async ({ openReader }) => {
    const buffer = await openReader({ queueBuffers: 4 }).borrow();
    assert.equal(buffer.timeErrorNs, null);
    buffer.release();
  }));

// ---- giving back ----

test('release gives back at once, and views have no length from then on', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    const { samples, arrayBuffer } = buffer;
    const tail = samples.subarray(900);
    const view = new DataView(arrayBuffer, 8);
    assert.deepEqual([samples.length, tail.length, view.byteLength], [960, 60, 3832]);
    assert.deepEqual([pool.stats.inUse, buffer.released, acap.buffersHeld()], [1, false, 1]);
    buffer.release();
    assert.deepEqual([pool.stats.inUse, buffer.released, acap.buffersHeld()], [0, true, 0]);
    assert.deepEqual([samples.length, samples.byteLength, tail.length, arrayBuffer.byteLength], [0, 0, 0, 0]);
    assert.equal(samples[0], undefined);
    assert.throws(() => view.getUint8(0), TypeError);
  }));

test('release twice, and anything after it, is an error', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    buffer.release();
    const uses = [
      () => buffer.release(),
      () => buffer.samples,
      () => buffer.bytes,
      () => buffer.arrayBuffer,
      () => buffer.measure(),
      () => buffer.retain(),
      () => buffer.writable(),
      () => buffer.referenceCount,
    ];
    uses.forEach((use) => assert.throws(use, isReleased));
    assert.equal(pool.stats.rejectedReleases, 0);
  }));

test('Symbol.dispose releases once', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    buffer[dispose]();
    buffer[dispose]();
    assert.deepEqual([buffer.released, pool.stats.inUse], [true, 0]);
    for (const one of [reader, stream]) {
      const before = one.closed;
      one[dispose]();
      assert.deepEqual([before, one.closed], [false, true]);
    }
  }));

test('retain makes another of the same memory', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const one = reader.tryBorrow();
    const two = one.retain();
    assert.deepEqual([one.referenceCount, two.position], [2, 0]);
    one.release();
    assertCounts(two);
    assert.equal(two.referenceCount, 1);
    two.release();
    assert.equal(pool.stats.inUse, 0);
  }));

test('a buffer outlives reader, stream and context', async () => {
  const context = new acap.Context();
  const stream = await context.openStream('sim:counter?pace=manual&period=480');
  const reader = stream.openReader();
  await stream.start();
  stream.simAdvance(FRAMES);
  const buffer = reader.tryBorrow();
  const pool = stream.pool.retain();
  reader.close();
  stream.close();
  context.close();
  assertCounts(buffer);
  assert.equal(pool.stats.inUse, 1);
  buffer.release();
  assert.equal(pool.stats.inUse, 0);
  pool.close();
});

test('a view keeps its memory when everything else is forgotten', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    let samples = (() => reader.tryBorrow().samples.subarray(10, 20))();
    await collect();
    assert.equal(pool.stats.inUse, 1);
    assert.equal(samples[0], counterSample(5, 0, acap.Format.F32));
    samples = null;
    await collect();
    assert.equal(pool.stats.inUse, 0);
  }));

test('memory that was moved elsewhere stays valid until that goes', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    const { arrayBuffer } = buffer;
    let moved = null;
    try {
      moved = arrayBuffer.transfer ? arrayBuffer.transfer() : structuredClone(arrayBuffer, { transfer: [arrayBuffer] });
    } catch (error) {
      assert.equal(error.name, 'DataCloneError'); // this runtime does not let it move
    }
    buffer.release();
    if (moved !== null) {
      stream.simAdvance(200 * FRAMES); // whatever is free is written to
      const [first] = new Float32Array(moved);
      assert.equal(first, -1);
      moved = null;
    }
    drain(reader);
    await collect();
    assert.equal(pool.stats.inUse, 0);
    assert.equal(acap.buffersHeld(), 0);
  }));

// ---- the same memory in several ArrayBuffers ----

test('three readers see the same memory, and recycle it thousands of times', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const readers = [1, 2, 3].map(() => openReader({ queueBuffers: 4, holdBuffers: 4 }));
    const held = [];
    for (let packet = 0; packet < 20_000; packet += 1) {
      stream.simAdvance(FRAMES);
      const buffers = readers.map((reader) => reader.tryBorrow());
      assert.equal(buffers[0].referenceCount, 3);
      const first = counterSample(packet * FRAMES, 0, acap.Format.F32);
      for (const { samples } of buffers) assert.equal(samples[0], first);
      held.push(buffers.pop());
      buffers[packet % 2].release();
      assert.equal(buffers[(packet + 1) % 2].samples[0], first);
      buffers[(packet + 1) % 2].release();
      if (held.length > 3) held.shift().release();
      if (packet % 500 === 0) await nextTurn();
    }
    held.forEach((buffer) => assertCounts(buffer));
    held.forEach((buffer) => buffer.release());
    const { capacity, recycled, inUse } = pool.stats;
    assert.equal(inUse, 0);
    assert.ok(recycled >= 20_000 - capacity);
  }));

const apart = acap.externalBuffers ? false : 'copies are apart';

test('what one writes the others see: it is one memory', { skip: apart }, () =>
  withStream({}, async ({ stream, openReader }) => {
    const readers = [openReader(), openReader()];
    stream.simAdvance(FRAMES);
    const [one, two] = readers.map((reader) => reader.tryBorrow());
    assert.throws(() => one.writable(), { code: 'ERR_ACAP_SHARED' });
    one.samples[5] = 0.25; // no view in JavaScript is read-only
    assert.equal(two.samples[5], 0.25);
    one.release();
    two.writable()[6] = 0.5;
    assert.equal(two.samples[6], 0.5);
    two.release();
  }));

// ---- measuring ----

test('measure', () =>
  withStream('sim:sine?pace=manual&period=480&hz=1000', async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    const { peak, rms, clipped, zeros } = buffer.measure();
    const expected = { peak: [0, 0], square: [0, 0], clipped: 0, zeros: 0 };
    buffer.samples.forEach((sample, index) => {
      expected.peak[index % 2] = Math.max(expected.peak[index % 2], Math.abs(sample));
      expected.square[index % 2] += sample ** 2 / FRAMES;
      expected.clipped += Math.abs(sample) >= 1 ? 1 : 0;
      expected.zeros += sample === 0 ? 1 : 0;
    });
    assert.deepEqual([clipped, zeros], [expected.clipped, expected.zeros]);
    [0, 1].forEach((channel) => {
      assert.ok(Math.abs(peak[channel] - expected.peak[channel]) < 1e-6);
      assert.ok(Math.abs(rms[channel] - Math.sqrt(expected.square[channel])) < 1e-5);
    });
    buffer.release();
  }));

test('silence is flagged', () =>
  withStream('sim:silence?pace=manual&period=480', async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    const buffer = reader.tryBorrow();
    assert.equal(buffer.flags & acap.BufferFlags.SILENT, acap.BufferFlags.SILENT);
    assert.equal(buffer.measure().zeros, FRAMES * 2);
    buffer.release();
  }));

test('nobody else makes buffers', () => {
  assert.throws(() => new acap.Buffer(), TypeError);
});
