// SPDX-License-Identifier: MIT
'use strict';
// What lifetime.test.js runs in Workers: a stream of its own, and an end in the middle of something.

const { parentPort, workerData } = require('node:worker_threads');
const acap = require('acap');

const held = [];

/** Hold some, forget some, release some, and prove the data. */
function work(stream, reader, random) {
  for (let i = 0; i < 300; i += 1) {
    stream.simAdvance(480 * Math.floor(random() * 5));
    for (let buffer = reader.tryBorrow(); buffer; buffer = reader.tryBorrow()) {
      if (buffer.samples[0] !== ((buffer.position % 2 ** 24) - 2 ** 23) / 2 ** 23) throw new Error(`wrong at ${buffer.position}`);
      const choice = random();
      if (choice < 0.5) buffer.release();
      else if (choice < 0.7) held.push(buffer, buffer.retain());
      else if (choice < 0.8) held.push(buffer.samples);
      if (held.length > 20) held.splice(0, 10).forEach((one) => one instanceof acap.Buffer && one.release());
    }
  }
}

/** A small generator, so that a failure can be repeated. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const endings = {
  /** The loop runs dry by itself. */
  async return() {},
  /** Somebody waits, which keeps the Worker alive until it is terminated. */
  async wait(stream, reader) {
    parentPort.postMessage('waiting');
    for await (const buffer of reader) held.push(buffer);
  },
  /** Calls are on their way in libuv's threads when the Worker is terminated. */
  async call(stream) {
    const calls = Array.from({ length: 3 }, () => stream.context.openStream('sim:counter?stuck=open:200ms'));
    parentPort.postMessage('waiting');
    await Promise.all(calls);
  },
  async exit() {
    process.exit();
  },
  async throw() {
    throw new Error('thrown in the Worker');
  },
};

async function run() {
  const stream = await new acap.Context().openStream('sim:counter?pace=manual&period=480');
  const reader = stream.openReader({ queueBuffers: 32, holdBuffers: 64 });
  await stream.start();
  work(stream, reader, generator(workerData.seed));
  await endings[workerData.ending](stream, reader);
}

run().catch((error) => {
  setImmediate(() => {
    throw error;
  });
});
