#!/usr/bin/env node
// SPDX-License-Identifier: MIT
'use strict';
// One stream, three readers: a file, a level meter and a CRC-32 of the samples. All three see the very same buffers, on one
// thread, each at its own pace.

const zlib = require('node:zlib');
const { Context, Format, Overflow } = require('../lib/index.js');
const { FAILED, OK, buffersPerSecond, describe, endBySignals, main, parseSeconds, say } = require('./common.js');
const { Take } = require('./take.js');
const { WavWriter } = require('./wav.js');

const PROGRAM = 'acap-node-fan-out';
const QUEUE_SECONDS = 4;
const FLOOR_DB = -99.9;
const LINE = {
  usage: `usage: ${PROGRAM} [-d device] [-t seconds] out.wav
Captures once for three readers: a file, a level meter and a checksum.`,
  takesFile: true,
  options: { device: { type: 'string', short: 'd' }, time: { type: 'string', short: 't' } },
};

/** CRC-32 as gzip has it; zlib has it from Node.js 20.15 on. */
const crc32 = zlib.crc32 ?? makeCrc32();

function makeCrc32() {
  const table = Uint32Array.from({ length: 256 }, (_, octet) => {
    let rest = octet;
    for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
    return rest;
  });
  return (bytes, before = 0) => {
    let sum = ~before;
    for (const octet of bytes) sum = table[(sum ^ octet) & 255] ^ (sum >>> 8);
    return ~sum >>> 0;
  };
}

function decibels(amplitude) {
  return (amplitude > 0 ? Math.max(20 * Math.log10(amplitude), FLOOR_DB) : FLOOR_DB).toFixed(1);
}

/** Peak and rms of each channel; whole buffers, so that it may hear a little too much. */
class Meter {
  #peak;
  #squareSum;
  #frameCount = 0;
  #clipped = 0;

  constructor(channelCount) {
    this.#peak = new Float64Array(channelCount);
    this.#squareSum = new Float64Array(channelCount);
  }

  consume(buffer) {
    const { peak, rms, clipped } = buffer.measure();
    this.#frameCount += buffer.frameCount;
    this.#clipped += clipped;
    peak.forEach((value, channel) => {
      this.#peak[channel] = Math.max(this.#peak[channel], value);
      this.#squareSum[channel] += rms[channel] ** 2 * buffer.frameCount;
    });
  }

  toString() {
    const parts = Array.from(this.#peak, (peak, channel) => {
      const rms = Math.sqrt(this.#squareSum[channel] / Math.max(this.#frameCount, 1));
      return `channel ${channel + 1} peak ${decibels(peak)} dB rms ${decibels(rms)} dB`;
    });
    return [...parts, `${this.#clipped} clipped samples`].join(', ');
  }
}

/** CRC-32 of the samples. */
class Checksum {
  #crc32 = 0;
  #frameCount = 0;

  consume(buffer, frameCount) {
    const frameBytes = buffer.sizeBytes / buffer.frameCount;
    this.#crc32 = crc32(buffer.bytes.subarray(0, frameBytes * frameCount), this.#crc32);
    this.#frameCount += frameCount;
  }

  toString() {
    return `crc32 ${this.#crc32.toString(16).padStart(8, '0')} of ${this.#frameCount} frames`;
  }
}

/** Consume until there is nothing more, or enough. */
async function consume(stream, { reader, take }, limit) {
  let room = limit;
  while (room > 0) {
    let buffer;
    try {
      buffer = await reader.borrow();
    } catch (error) {
      if (error.code !== 'ACAP_INTERRUPTED') throw error;
      await stream.stop();
      continue;
    }
    if (buffer === null) return;
    try {
      const count = Math.min(buffer.frameCount, room);
      await take(buffer, count);
      room -= count;
    } finally {
      buffer.release();
    }
  }
}

/** Run the consumers until all of them are done; gives those that failed. */
async function capture(stream, consumers, limit) {
  const undo = endBySignals(() => consumers.forEach(({ reader }) => reader.interrupt()));
  const failed = [];
  const running = consumers.map(async (consumer) => {
    try {
      await consume(stream, consumer, limit);
    } catch (error) {
      failed.push({ name: consumer.name, error });
      await stream.stop(); // half of the results are no use: the others end too
    }
  });
  try {
    await stream.start();
  } catch (error) {
    consumers.forEach(({ reader }) => reader.end());
    throw error;
  } finally {
    await Promise.all(running);
    undo();
  }
  await stream.stop();
  return failed;
}

/** Account for every frame. */
function ledger({ name, reader }) {
  const figures = reader.stats;
  return (
    `ledger of ${name}: from ${figures.startPosition} + delivered ${figures.framesDelivered} + lost ${figures.framesLost} ` +
    `(stream ${figures.lostStream}, queue ${figures.lostQueue}) + queued ${figures.framesQueued} = ${figures.endPosition}`
  );
}

/** All readers are there before the stream starts, and begin with the same frame. */
function openReader(stream, info, name) {
  const queueBuffers = QUEUE_SECONDS * buffersPerSecond(info);
  return stream.openReader({ queueBuffers, holdBuffers: 1, overflow: Overflow.DROP_NEWEST, name });
}

async function fanOut(path, stream, limit) {
  const { info } = stream;
  const out = await WavWriter.create(path, info);
  const meter = new Meter(info.channelCount);
  const checksum = new Checksum();
  const [file, ...others] = ['file', 'meter', 'checksum'].map((name) => ({ name, reader: openReader(stream, info, name) }));
  const take = new Take(out, file.reader.stats.startPosition, limit);
  file.take = (buffer) => take.add(buffer);
  others[0].take = (buffer) => meter.consume(buffer);
  others[1].take = (buffer, count) => checksum.consume(buffer, count);
  const consumers = [file, ...others];
  let failed;
  try {
    failed = await capture(stream, consumers, limit);
    const figures = file.reader.stats;
    if (figures.framesQueued === 0) await take.skipTo(figures.endPosition);
  } finally {
    await out.close();
  }
  console.log(`file: ${path}, ${out.framesWritten} frames, ${take.framesSilent} of them silence for lost ones`);
  console.log(`meter: ${meter}`);
  console.log(`checksum: ${checksum}`);
  consumers.forEach((consumer) => console.log(ledger(consumer)));
  return failed;
}

async function run(options) {
  const seconds = parseSeconds(options.time);
  const context = new Context();
  try {
    const stream = await context.openStream({ device: options.device, format: Format.S16 });
    const limit = seconds === undefined ? Infinity : Math.round(seconds * stream.info.sampleRateHz);
    const failed = await fanOut(options.file, stream, limit);
    failed.forEach(({ name, error }) => say(PROGRAM, `${name}: ${describe(error)}`));
    return failed.length > 0 ? FAILED : OK;
  } finally {
    context.close();
  }
}

main(PROGRAM, LINE, run);
