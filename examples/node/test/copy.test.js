// SPDX-License-Identifier: MIT
'use strict';
// Where the runtime forbids external buffers, as Electron does, or where a copy is asked for: one copy, said so, nothing leaked.

const assert = require('node:assert/strict');
const { join } = require('node:path');
const { test } = require('node:test');
const acap = require('acap');
const { FRAMES, assertCounts, collect, drain, runCode, runNode, withStream } = require('./support.js');

test('a reader that copies', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const [reader, other] = [openReader({ copy: true }), openReader()];
    stream.simAdvance(2 * FRAMES);
    const buffer = reader.tryBorrow();
    const original = other.tryBorrow();
    assert.deepEqual([buffer.isCopy, original.isCopy], [true, false]);
    assertCounts(buffer);
    buffer.writable()[0] = 0.25; // its own
    assert.deepEqual([buffer.samples[0], original.samples[0]], [0.25, -1]);
    const again = buffer.retain();
    assert.deepEqual([again.isCopy, again.samples[0]], [true, -1]);
    assert.equal(buffer.measure().peak.length, 2);
    const { samples } = buffer;
    again.release();
    buffer.release();
    assert.equal(samples.length, 0);
    assert.throws(() => buffer.release(), { code: 'ERR_ACAP_RELEASED' });
    original.release();
    drain(reader);
    drain(other);
    assert.equal(pool.stats.inUse, 0);
  }));

for (const planar of [false, true]) {
  test(`copies of every format${planar ? ', planar' : ''}`, async () => {
    for (const format of Object.values(acap.Format)) {
      await withStream({ format, planar, channelCount: 3 }, async ({ stream, openReader }) => {
        const reader = openReader({ copy: true });
        stream.simAdvance(FRAMES);
        const buffer = reader.tryBorrow();
        assertCounts(buffer);
        buffer.release();
      });
    }
  });
}

test('forgotten copies give their buffers back, too', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader({ copy: true, queueBuffers: 32, holdBuffers: 64 });
    for (let i = 0; i < 20; i += 1) {
      stream.simAdvance(20 * FRAMES);
      while (reader.tryBorrow());
      await collect();
    }
    assert.deepEqual([pool.stats.inUse, acap.buffersHeld()], [0, 0]);
    assert.ok(pool.stats.recycled > 0);
  }));

test('a runtime that forbids external buffers', async () => {
  const { status, stdout, stderr } = await runCode(
    `
    const stream = await new acap.Context().openStream('sim:counter?pace=manual&period=480');
    const reader = stream.openReader();
    await stream.start();
    const take = (i) => {
      stream.simAdvance(480);
      const buffer = reader.tryBorrow();
      if (!buffer.isCopy || buffer.samples[0] !== (i * 480 - 2 ** 23) / 2 ** 23) throw new Error('wrong at ' + i);
      if (i % 2 === 0) buffer.release();
    };
    for (let i = 0; i < 5000; i += 1) {
      take(i);
      if (i % 50 === 0) { global.gc(); await new Promise(setImmediate); }
    }
    global.gc();
    await new Promise(setImmediate);
    const { inUse, inUsePeak } = stream.pool.stats;
    console.log(acap.externalBuffers, inUse, inUsePeak < 200, acap.buffersHeld());
  `,
    { env: { ACAP_NODE_NO_EXTERNAL: '1' } },
  );
  assert.deepEqual([status, stdout.trim(), stderr], [0, 'false 0 true 0', '']);
});

test('the other tests hold there as well', async () => {
  const files = ['buffer.test.js', 'reader.test.js', 'api.test.js'].map((name) => join(__dirname, name));
  const { status, stdout } = await runNode(['--expose-gc', '--test', ...files], { env: { ACAP_NODE_NO_EXTERNAL: '1' } });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /# pass \d\d/);
  assert.match(stdout, /# SKIP copies are apart/);
});
