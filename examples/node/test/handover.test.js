// SPDX-License-Identifier: MIT
'use strict';
// Readers that go to Workers: the same memory in ArrayBuffers of several isolates at once.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { join } = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const acap = require('acap');
const { FRAMES, assertCounts, assertLaws, drain, withStream } = require('./support.js');

const WORKER = join(__dirname, 'handover_worker.js');

/** Give the reader to a Worker; its end is listened for from the start, since it may come at any time. */
function startWorker(reader) {
  const worker = new Worker(WORKER, { workerData: reader.handOver() });
  worker.ended = once(worker, 'exit');
  return worker;
}

async function ask(worker, message) {
  worker.postMessage(message);
  const [answer] = await once(worker, 'message');
  return answer;
}

/** The conservation law of figures that came from a Worker. */
function assertLawOf(stats) {
  assertLaws({ reader: { stats } });
}

const apart = acap.externalBuffers ? false : 'copies are apart';

test('what one thread writes the others see', { skip: apart }, () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const here = openReader();
    const workers = [1, 2].map(() => startWorker(openReader()));
    stream.simAdvance(FRAMES);
    const buffer = here.tryBorrow();
    buffer.samples[5] = 0.25; // before anybody else looks
    for (const worker of workers) assert.deepEqual(await ask(worker, 'take'), [0.25]);
    assert.equal(buffer.referenceCount, 3);
    buffer.release();
    for (const worker of workers) assertLawOf(await ask(worker, 'finish'));
    await Promise.all(workers.map((worker) => worker.ended));
    assert.equal(pool.stats.inUse, 0);
  }));

test('three threads recycle the same buffers', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const here = openReader({ queueBuffers: 16, holdBuffers: 4 });
    const workers = [1, 2].map(() => startWorker(openReader({ queueBuffers: 16, holdBuffers: 4 })));
    const rounds = 500;
    for (let round = 0; round < rounds; round += 1) {
      stream.simAdvance(10 * FRAMES);
      const answers = workers.map((worker) => ask(worker, 'take'));
      const buffer = here.tryBorrow();
      assertCounts(buffer);
      assert.equal(drain(here).length, 9);
      for (const marks of await Promise.all(answers)) assert.equal(marks.length, 10);
      buffer.release();
    }
    for (const worker of workers) {
      const stats = await ask(worker, 'finish');
      assertLawOf(stats);
      assert.deepEqual([stats.framesDelivered, stats.framesLost], [10 * rounds * FRAMES, 0]);
    }
    await Promise.all(workers.map((worker) => worker.ended));
    const { inUse, recycled, capacity } = pool.stats;
    assert.equal(inUse, 0);
    assert.ok(recycled >= 10 * rounds - capacity);
  }));

test('a Worker that is terminated gives everything back', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    for (const message of ['take', 'wait']) {
      const worker = startWorker(openReader());
      stream.simAdvance(10 * FRAMES);
      await ask(worker, 'take'); // and holds three
      await ask(worker, message);
      assert.ok(pool.stats.inUse >= 3);
      await worker.terminate();
      assert.equal(pool.stats.inUse, 0);
    }
  }));

test('the stream ends a reader in another thread', () =>
  withStream({}, async ({ stream, openReader }) => {
    const worker = startWorker(openReader());
    assert.equal(await ask(worker, 'wait'), 'waiting');
    const ended = once(worker, 'message');
    await stream.stop();
    assert.deepEqual(await ended, [null]);
    const stats = await ask(worker, 'finish');
    assertLawOf(stats);
    await worker.ended;
  }));

test('a ticket is good for once', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader({ copy: true });
    const ticket = reader.handOver();
    assert.equal(reader.closed, true);
    assert.throws(() => reader.handOver(), { code: 'ERR_ACAP_CLOSED' });
    const taken = acap.Reader.takeOver(ticket);
    assert.throws(() => acap.Reader.takeOver(ticket), { code: 'ERR_ACAP_TICKET' });
    assert.throws(() => acap.Reader.takeOver({ token: 'x' }), TypeError);
    stream.simAdvance(FRAMES);
    const buffer = taken.tryBorrow();
    assert.deepEqual([buffer.isCopy, taken.stream], [true, null]);
    assertCounts(buffer);
    buffer.release();
    const waiting = taken.borrow();
    await new Promise(setImmediate);
    assert.throws(() => taken.handOver(), { code: 'ERR_ACAP_BUSY' });
    taken.end();
    assert.equal(await waiting, null);
    assertLaws({ reader: taken });
    taken.close();
  }));

test('a reader that nobody takes over is closed when the thread ends that gave it away', async () => {
  const code = `
    const acap = require('acap');
    const { parentPort } = require('node:worker_threads');
    (async () => {
      const stream = await new acap.Context().openStream('sim:counter?pace=manual');
      parentPort.postMessage(stream.openReader().handOver());
    })();`;
  const worker = new Worker(code, { eval: true });
  const [[ticket]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  assert.throws(() => acap.Reader.takeOver(ticket), { code: 'ERR_ACAP_TICKET' });
});
