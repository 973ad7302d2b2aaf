// SPDX-License-Identifier: MIT
'use strict';
// The Node program of the stability runs.
//   node --expose-gc run.js SECONDS zero-copy|copying COUNTS_FILE
// Takes 100 packets a second from a simulated device in real time, keeps the last half second of them, borrowed or as copies by
// Buffer.from, checks every sample, and writes a line of figures a second; any fault ends it with an error and without the closing
// line. tests/stability.sh runs it, with count.c preloaded.

const assert = require('node:assert');
const fs = require('node:fs');
const { PerformanceObserver, constants } = require('node:perf_hooks');
const acap = require('acap');

const NS_PER_S = 1e9;
const HALF_PACKET_NS = 5_000_000n;
const CHANNELS = 2;
const PACKET_FRAMES = 480;
const PACKET_BYTES = 3840;
const HELD = 50; // half a second, as a consumer keeps that passes them on
const QUEUE = 300; // three seconds: a busy machine is no loss
const WARM_PACKETS = 30_000;
const WARM_BLOCK = 40;
const SETTLE_NS = 5_000_000_000n;
const PATIENCE_MS = 60_000; // beyond the length of the run

const SETTLED_LINES = 30; // at most so many of the second half are written after a collection
const UNMAPPING_MS = 50;

const HEAD = 'time_s,packets,resident_bytes,settled_bytes,heap_bytes,heap_blocks,external_bytes,pool_bytes,hit_rate,in_use,in_use_peak,'
  + 'frames_lost,collections,library_allocations,process_allocations,process_allocated_bytes';

/** Compare with what sim:counter delivers, by the formula in acap.h. */
function checkSamples(samples, position) {
  assert.strictEqual(samples.byteLength, PACKET_BYTES);
  for (let i = 0; i < samples.length; i += 1) {
    const x = position + Math.floor(i / CHANNELS) + (i % CHANNELS) * 0x010101;
    if (samples[i] !== ((x & 0xffffff) - 0x800000) / 0x800000) assert.fail(`sample ${i} of the packet at ${position} is ${samples[i]}`);
  }
}

/** One stream with one reader, and what was taken from it. */
class Consumer {
  static async open(device, copies) {
    const consumer = new Consumer();
    consumer.copies = copies;
    consumer.context = new acap.Context();
    consumer.stream = await consumer.context.openStream({
      device,
      sampleRateHz: 48_000,
      channelCount: CHANNELS,
      format: acap.Format.F32,
      framesPerBuffer: PACKET_FRAMES,
    });
    consumer.reader = consumer.stream.openReader({ queueBuffers: QUEUE, holdBuffers: HELD });
    consumer.pool = consumer.stream.pool;
    consumer.held = new Array(HELD).fill(null);
    consumer.taken = 0;
    consumer.nextPosition = 0;
    consumer.gapFrames = 0;
    await consumer.stream.start();
    return consumer;
  }

  /** Check a packet where it will be looked at, and keep it or a copy of it. */
  keep(buffer) {
    const { position } = buffer;
    this.gapFrames += position - this.nextPosition;
    this.nextPosition = position + buffer.frameCount;
    const at = this.taken % HELD;
    this.taken += 1;
    if (!this.copies) {
      checkSamples(buffer.samples, position);
      this.held[at]?.release();
      this.held[at] = buffer;
      return;
    }
    const copy = Buffer.from(buffer.bytes);
    buffer.release();
    checkSamples(new Float32Array(copy.buffer, copy.byteOffset, copy.length / 4), position);
    this.held[at] = copy;
  }

  letGo() {
    if (!this.copies) for (const buffer of this.held) buffer?.release();
    this.held.fill(null);
  }

  /** Stop, account for every frame and every buffer, and close. */
  async close() {
    await this.stream.stop();
    for (let buffer = this.reader.tryBorrow(); buffer !== null; buffer = this.reader.tryBorrow()) this.keep(buffer);
    this.checkLaw();
    this.letGo();
    const { inUse, acquired, released, rejectedReleases } = this.pool.stats;
    assert.deepStrictEqual([inUse, acquired - released, rejectedReleases], [0, 0, 0], 'the pool does not have every buffer back');
    this.pool.close();
    this.reader.close();
    this.stream.close();
    this.context.close();
  }

  checkLaw() {
    const reader = this.reader.stats;
    const stream = this.stream.stats;
    const accounted = reader.startPosition + reader.framesDelivered + reader.framesLost + reader.framesQueued;
    assert.strictEqual(accounted, reader.endPosition);
    assert.strictEqual(reader.endPosition, stream.position);
    assert.strictEqual(reader.endPosition, this.nextPosition);
    assert.strictEqual(reader.framesLost, reader.lostStream + reader.lostQueue);
    assert.strictEqual(reader.framesLost, this.gapFrames);
    assert.strictEqual(stream.position, stream.framesCaptured + stream.framesLost);
    assert.strictEqual(stream.framesLost, stream.lostPool + stream.lostHost);
    assert.strictEqual(reader.buffersDelivered, this.taken);
  }
}

/** Run the same loop in virtual time, so that code is compiled and every page has been touched that ever will be. */
async function warmUp(copies) {
  const consumer = await Consumer.open('sim:counter?pace=manual&period=480', copies);
  while (consumer.taken < WARM_PACKETS) {
    const taking = consumer.reader.borrow(); // asleep before there is anything, as in real time
    consumer.stream.simAdvance(WARM_BLOCK * PACKET_FRAMES);
    consumer.keep(await taking);
    for (let i = 1; i < WARM_BLOCK; i += 1) consumer.keep(await consumer.reader.borrow());
  }
  await consumer.close();
  globalThis.gc();
}

// ---- Figures ----

class Figures {
  #counts;
  #resident;
  #text = Buffer.alloc(2048);
  #numbers = new BigUint64Array(3);
  #asked = [0n, 0n, 0n]; // of the heap by collections that this program asked for
  #collections = 0;
  #never = new Int32Array(new SharedArrayBuffer(4));

  constructor(countsPath) {
    this.#counts = fs.openSync(countsPath, 'r');
    this.#resident = fs.openSync('/proc/self/smaps_rollup', 'r');
    new PerformanceObserver((list) => {
      const own = list.getEntries().filter(({ detail }) => !(detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED));
      this.#collections += own.length;
    }).observe({ entryTypes: ['gc'] });
  }

  /** By walking the page tables: statm is a sum that lags behind by a hundred pages or more. */
  #residentBytes() {
    const length = fs.readSync(this.#resident, this.#text, 0, this.#text.length, 0);
    const [, kilobytes] = /^Rss: +(\d+) kB/m.exec(this.#text.latin1Slice(0, length));
    return Number(kilobytes) * 1024;
  }

  /** Calls by the library, calls by all, bytes asked for by all. */
  #heapCounts() {
    assert.strictEqual(fs.readSync(this.#counts, this.#numbers, 0, 24, 0), 24);
    return this.#numbers.map((count, i) => count - this.#asked[i]);
  }

  /** Collect what waits for the collector, and let its helper threads unmap it; what is left is in use. */
  #settledBytes() {
    const before = this.#heapCounts();
    globalThis.gc();
    Atomics.wait(this.#never, 0, 0, UNMAPPING_MS);
    const after = this.#heapCounts();
    for (const i of [1, 2]) this.#asked[i] += after[i] - before[i];
    return this.#residentBytes();
  }

  write(consumer, packets, beginNs, collects) {
    const pool = consumer.pool.stats;
    const memory = process.memoryUsage();
    const fields = [
      (Number(process.hrtime.bigint() - beginNs) / NS_PER_S).toFixed(3),
      packets,
      this.#residentBytes(),
      collects ? this.#settledBytes() : 0,
      memory.heapUsed,
      0,
      memory.external,
      pool.memoryBytes,
      pool.hitRate,
      pool.inUse,
      pool.inUsePeak,
      consumer.reader.stats.framesLost,
      this.#collections,
      ...this.#heapCounts(),
    ];
    process.stdout.write(`${fields.join(',')}\n`);
  }
}

// ---- The run ----

/** Tell which lines give the figure that is judged: of the second half, all or so many. */
function collectsAt(second, seconds) {
  return second * 2 >= seconds && second % Math.max(1, Math.floor(seconds / 2 / SETTLED_LINES)) === 0;
}

/** Count the packets that were captured within so many seconds, by the clock and whenever they come here. */
async function measure(consumer, figures, seconds) {
  const settledNs = acap.clockNs() + SETTLE_NS;
  let buffer = await consumer.reader.borrow();
  for (; buffer.timeNs < settledNs; buffer = await consumer.reader.borrow()) consumer.keep(buffer);
  // Between two packets, so that it does not matter if a time is off by a millisecond.
  const beginNs = buffer.timeNs - HALF_PACKET_NS;
  const secondOf = ({ timeNs }) => Math.floor(Number(timeNs - beginNs) / NS_PER_S);
  let packets = 0;
  let nextSecond = 0;
  for (let second = 0; second < seconds; second = secondOf(buffer)) {
    if (second >= nextSecond) {
      figures.write(consumer, packets, beginNs, collectsAt(second, seconds));
      nextSecond = second + 1;
    }
    packets += 1;
    consumer.keep(buffer);
    buffer = await consumer.reader.borrow();
  }
  figures.write(consumer, packets, beginNs, true);
  consumer.keep(buffer);
}

async function main() {
  const [seconds, variant, countsPath] = process.argv.slice(2);
  assert.ok(['zero-copy', 'copying'].includes(variant));
  assert.ok(acap.externalBuffers, 'this runtime shows every buffer as a copy');
  const copies = variant === 'copying';
  const figures = new Figures(countsPath);
  const watchdog = setTimeout(() => assert.fail('no packet came any more'), Number(seconds) * 1000 + PATIENCE_MS);
  console.log(`# language=Node variant=${variant} runtime=${process.versions.node} duration_s=${seconds}`);
  console.log(HEAD);
  await warmUp(copies);
  const consumer = await Consumer.open('sim:counter?pace=real&period=480', copies);
  await measure(consumer, figures, Number(seconds));
  await consumer.close();
  clearTimeout(watchdog);
  console.log('# end');
}

main();
