// SPDX-License-Identifier: MIT
'use strict';
// What a packet of 3,840 bytes costs in Node.js: looked at in place, and copied.
//     node_bench.js cost                        nanoseconds a packet in virtual time, for each way
//     node_bench.js card WAY PACKETS PAUSE_MS   on the virtual card that run.sh sets up
// WAY is view, copy (acap) or stream (naudiodon).

const { getHeapStatistics } = require('node:v8');

const CARD = 'acap_bench_card';
const RATE_HZ = 48_000;
const CHANNELS = 2;
const FRAMES = 480;
const WARM_UP_PACKETS = 50;
const TAIL_PACKETS = 100;
const BATCHES = 80;
const BATCH_PACKETS = 250;

/** The processor time of the process, collector included. */
function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Warms up, takes the processor time of a run, pauses, goes on; tells what is missing. As meter.h does. */
class Meter {
  constructor(packets, pauseMs) {
    this.from = WARM_UP_PACKETS * FRAMES;
    this.to = this.from + packets * FRAMES;
    this.pauseMs = pauseMs;
    this.frames = 0;
    this.stage = 0;
    this.isDone = false;
  }

  /** Take interleaved frames; pause, and the event loop with it, when it is time for it. */
  take(samples) {
    if (this.isDone || samples.length === 0) return;
    if (this.frames === 0) this.first = samples[0];
    this.last = samples[samples.length - CHANNELS];
    this.frames += samples.length / CHANNELS;
    if (this.stage === 0 && this.frames >= this.from) {
      Object.assign(this, { stage: 1, measured: this.frames, heap: getHeapStatistics().used_heap_size, cpu: cpuUs() });
    } else if (this.stage === 1 && this.frames >= this.to) {
      const heap = getHeapStatistics().used_heap_size - this.heap;
      Object.assign(this, { stage: 2, measured: this.frames - this.measured, heap, cpu: cpuUs() - this.cpu });
      this.lostBeforePause = this.lost();
      if (this.pauseMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, this.pauseMs);
      this.isDone = this.pauseMs === 0;
    } else if (this.stage === 2 && this.frames >= this.to + TAIL_PACKETS * FRAMES) {
      this.isDone = true;
    }
  }

  /** The signal counts in steps of 2^-23, modulo 2^24. */
  lost() {
    return (((this.last - this.first) * 2 ** 23 + 1) & 0xffffff) - this.frames;
  }

  print() {
    const packets = this.measured / FRAMES;
    console.log(`cpu_us ${(this.cpu / packets).toFixed(2)}`);
    console.log(`heap_bytes ${(this.heap / packets).toFixed(0)}`); // without a collection in between: run.sh sees to it
    console.log(`lost ${this.lost()}\nlost_before_pause ${this.lostBeforePause}`);
  }
}

// ---- acap ----

let sink = 0;

const WAYS = {
  view(buffer, meter) {
    const { samples } = buffer;
    sink = samples[0];
    meter?.take(samples);
    buffer.release();
  },
  copy(buffer, meter) {
    const own = Buffer.from(buffer.bytes);
    buffer.release();
    sink = own[0];
    meter?.take(new Float32Array(own.buffer, own.byteOffset, own.length / 4));
  },
};

function batchUs(stream, reader, way) {
  stream.simAdvance(BATCH_PACKETS * FRAMES);
  const startUs = cpuUs();
  for (let i = 0; i < BATCH_PACKETS; i++) way(reader.tryBorrow());
  return cpuUs() - startUs;
}

const configured = (device) => ({ device, sampleRateHz: RATE_HZ, channelCount: CHANNELS, framesPerBuffer: FRAMES });

async function cost() {
  const { Context } = require('acap');
  const context = new Context();
  const stream = await context.openStream(configured(`sim:counter?pace=manual&period=${FRAMES}`));
  const reader = stream.openReader({ queueBuffers: BATCH_PACKETS });
  await stream.start();
  const totalUs = { view: 0, copy: 0 };
  for (let batch = -BATCHES / 4; batch < BATCHES; batch++) {
    for (const name of Object.keys(totalUs)) {
      const takenUs = batchUs(stream, reader, WAYS[name]);
      totalUs[name] += batch < 0 ? 0 : takenUs;
    }
  }
  for (const [name, takenUs] of Object.entries(totalUs)) {
    console.log(`ns ${name} ${((takenUs * 1e3) / BATCHES / BATCH_PACKETS).toFixed(1)}`);
  }
  context.close();
}

async function cardAcap(way, meter) {
  const { Context } = require('acap');
  const context = new Context();
  const stream = await context.openStream(configured(CARD));
  const reader = stream.openReader();
  await stream.start();
  for await (const buffer of reader) {
    way(buffer, meter);
    if (meter.isDone) break;
  }
  console.log('told', reader.stats.framesLost);
  context.close();
}

// ---- naudiodon ----

async function cardNaudiodon(meter) {
  const naudiodon = require('naudiodon');
  const device = naudiodon.getDevices().find(({ name }) => name === CARD);
  const options = { channelCount: CHANNELS, sampleFormat: naudiodon.SampleFormatFloat32, sampleRate: RATE_HZ, deviceId: device.id };
  const stream = naudiodon.AudioIO({
    inOptions: { ...options, framesPerBuffer: FRAMES, highwaterMark: FRAMES * CHANNELS * 4, closeOnError: false },
  });
  await new Promise((resolve) => {
    stream.on('data', (data) => {
      meter.take(new Float32Array(data.buffer, data.byteOffset, data.length / 4));
      if (meter.isDone) resolve();
    });
    stream.start();
  });
}

async function main() {
  const [mode, way, packets, pauseMs] = process.argv.slice(2);
  if (mode === 'cost') return cost();
  const meter = new Meter(Number(packets), Number(pauseMs));
  await (way === 'stream' ? cardNaudiodon(meter) : cardAcap(WAYS[way], meter));
  meter.print();
  process.exit(sink === undefined ? 1 : 0); // naudiodon keeps the process
}

main();
