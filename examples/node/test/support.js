// SPDX-License-Identifier: MIT
'use strict';
// What the tests share: devices in virtual time, the counter's formula, the account.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { dirname } = require('node:path');
const acap = require('acap');

/** A counting device that captures only when told to: 480 frames of 48 kHz stereo a callback. */
const COUNTER = 'sim:counter?pace=manual&period=480';
/** Frames in a buffer of 10 ms. */
const FRAMES = 480;
/** Nothing in a test takes so long. */
const LONG_MS = 60_000;
/** Where the package under test is installed. */
const PACKAGE = dirname(require.resolve('acap/package.json'));

/** One sample of sim:counter by the formula in acap.h. */
function counterSample(position, channel, format) {
  const x = position % 2 ** 32;
  switch (format) {
    case acap.Format.S16:
      return (((x + channel * 0x1111) % 2 ** 16) << 16) >> 16;
    case acap.Format.S24:
      return (x + channel * 0x010101) % 2 ** 24;
    case acap.Format.S32:
      return (x << 8) | channel;
    case acap.Format.F32:
      return (((x + channel * 0x010101) % 2 ** 24) - 2 ** 23) / 2 ** 23;
    default:
      return (x + channel * 17) % 256;
  }
}

/** What one sample of a view is as a number. */
function sampleAt(samples, index, format) {
  if (format !== acap.Format.S24) return samples[index];
  return samples[3 * index] | (samples[3 * index + 1] << 8) | (samples[3 * index + 2] << 16);
}

/** The same for what the long runs have, quickly: the formula for F32, two channels, written out. */
function isStereoF32(samples, position) {
  let x = position % 2 ** 24;
  for (let index = 0; index < samples.length; index += 2) {
    if (samples[index] !== (x - 0x800000) / 0x800000) return false;
    if (samples[index + 1] !== (((x + 0x010101) & 0xffffff) - 0x800000) / 0x800000) return false;
    x = (x + 1) & 0xffffff;
  }
  return samples.length % 2 === 0;
}

/** Prove that samples in the order of a file are those of sim:counter. */
function assertInterleaved(samples, position, channelCount, format) {
  if (channelCount === 2 && format === acap.Format.F32 && isStereoF32(samples, position)) return;
  const width = format === acap.Format.S24 ? 3 : 1;
  const frameCount = samples.length / width / channelCount;
  for (let frame = 0; frame < frameCount; frame += 1) {
    for (let channel = 0; channel < channelCount; channel += 1) {
      const found = sampleAt(samples, frame * channelCount + channel, format);
      const expected = counterSample(position + frame, channel, format);
      // No assert for each of millions: building its message would take longer than the test.
      if (found !== expected) assert.fail(`frame ${position + frame} channel ${channel}: ${found} instead of ${expected}`);
    }
  }
}

/** Prove that a buffer of sim:counter holds the frames that its position says. */
function assertCounts(buffer) {
  const { channelCount, format, frameCount, position } = buffer;
  if (buffer.planeStrideBytes === 0) {
    assert.equal(buffer.bytes.length, frameCount * channelCount * acap.formatBytes(format));
    assertInterleaved(buffer.samples, position, channelCount, format);
    return;
  }
  for (let channel = 0; channel < channelCount; channel += 1) {
    const plane = buffer.channel(channel);
    assert.equal(plane.byteLength, frameCount * acap.formatBytes(format));
    for (let frame = 0; frame < frameCount; frame += 1) {
      assert.equal(sampleAt(plane, frame, format), counterSample(position + frame, channel, format));
    }
  }
}

/** The conservation law, of whatever there is. */
function assertLaws({ reader, stream, pool }) {
  if (reader) {
    const r = reader.stats;
    assert.equal(r.startPosition + r.framesDelivered + r.framesLost + r.framesQueued, r.endPosition);
    assert.equal(r.framesLost, r.lostStream + r.lostQueue);
  }
  if (stream) {
    const s = stream.stats;
    assert.equal(s.position, s.framesCaptured + s.framesLost);
    assert.equal(s.framesLost, s.lostPool + s.lostHost);
  }
  if (pool) {
    const p = pool.stats;
    assert.equal(p.acquired, p.released + p.inUse);
    assert.equal(p.freeBuffers, p.capacity - p.inUse);
    assert.equal(p.rejectedReleases, 0);
  }
}

/** Adds up what a consumer got, to compare with what the reader says. */
class Account {
  #reader;
  #next;

  constructor(reader) {
    this.#reader = reader;
    this.#next = reader.stats.startPosition;
    this.frames = 0;
    this.gaps = 0;
  }

  add(buffer) {
    assert.ok(buffer.position >= this.#next, 'frames came twice or out of order');
    this.gaps += buffer.position - this.#next;
    this.frames += buffer.frameCount;
    this.#next = buffer.position + buffer.frameCount;
  }

  /** Compare, once the queue is empty. */
  check() {
    const figures = this.#reader.stats;
    assertLaws({ reader: this.#reader });
    assert.equal(figures.framesQueued, 0);
    assert.equal(figures.framesDelivered, this.frames);
    assert.equal(figures.framesLost, this.gaps + figures.endPosition - this.#next);
  }
}

/**
 * Run a test with a stream that has started. Whatever reader it opens and leaves open, the stream and the pool are held to the
 * conservation law at the end; then all is closed.
 */
async function withStream(options, body) {
  const { isStarted = true, ...rest } = { device: COUNTER, ...(typeof options === 'string' ? { device: options } : options) };
  const context = new acap.Context();
  try {
    const stream = await context.openStream(rest);
    const pool = stream.pool.retain();
    const readers = [];
    const openReader = (readerOptions) => {
      const reader = stream.openReader(readerOptions);
      readers.push(reader);
      return reader;
    };
    if (isStarted) await stream.start();
    await body({ context, stream, pool, openReader });
    readers.filter((reader) => !reader.closed).forEach((reader) => assertLaws({ reader }));
    assertLaws({ stream: stream.closed ? undefined : stream, pool });
    readers.forEach((reader) => reader.close());
    stream.close();
    pool.close();
  } finally {
    context.close();
  }
}

/** Borrow and release all that is queued; give the positions. */
function drain(reader) {
  const positions = [];
  for (let buffer = reader.tryBorrow(); buffer; buffer = reader.tryBorrow()) {
    positions.push(buffer.position);
    buffer.release();
  }
  return positions;
}

/** Let the event loop run once around, in which finalizers run. */
const nextTurn = () => new Promise(setImmediate);

/** Collect what is forgotten, and let the finalizers run. */
async function collect() {
  for (let i = 0; i < 3; i += 1) {
    global.gc();
    await nextTurn();
  }
}

/** Something that happens by itself: wait for it, for however long it takes. */
async function until(isSo) {
  const limit = Date.now() + LONG_MS;
  while (!isSo()) {
    assert.ok(Date.now() < limit, 'it does not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Run Node.js to its end. */
function runNode(parameters, { env = {}, command = [] } = {}) {
  const [file, ...rest] = [...command, process.execPath, ...parameters];
  return new Promise((resolve) => {
    const environment = { ...process.env, ...env };
    delete environment.NODE_TEST_CONTEXT; // the child is no part of this run
    const options = { env: environment, timeout: 170_000, maxBuffer: 1 << 28 };
    const child = execFile(file, rest, options, (error, stdout, stderr) => {
      resolve({ status: error ? (error.code ?? error.signal) : 0, stdout, stderr });
    });
    child.stdin.end();
  });
}

/** Run a program text, in which `acap` is the package. */
function runCode(code, options = {}) {
  const flags = options.flags ?? ['--expose-gc'];
  return runNode([...flags, '-e', `'use strict'; const acap = require('acap'); (async () => {${code}\n})();`], options);
}

module.exports = {
  Account,
  COUNTER,
  FRAMES,
  LONG_MS,
  PACKAGE,
  assertCounts,
  assertInterleaved,
  assertLaws,
  collect,
  counterSample,
  drain,
  nextTurn,
  runCode,
  runNode,
  until,
  withStream,
};
