#!/usr/bin/env node
// SPDX-License-Identifier: MIT
'use strict';
// Records a device into a WAV file that keeps time. Ctrl-C ends the file properly. Lost frames become silence. What was
// delivered, lost and written is reported at the end.

const { Context, Format, Overflow } = require('../lib/index.js');
const { buffersPerSecond, describe, endBySignals, main, parseCount, parseFormat, parseSeconds, say } = require('./common.js');
const { Take } = require('./take.js');
const { WavWriter } = require('./wav.js');

const PROGRAM = 'acap-node-record';
/** Disks pause; nothing is lost until this much waits. */
const QUEUE_SECONDS = 4;
/** Seven wake-ups a second instead of a hundred. */
const WAKE_SECONDS = 0.15;
const STALL_SECONDS = 2;
const LINE = {
  usage: `usage: ${PROGRAM} [-d device] [-r rate] [-c channels] [-f format] [-t seconds] out.wav
Records a capture device until interrupted (Ctrl-C), or for -t seconds, exact to the frame.
  -d  id or part of the name; sim:sine is simulated
  -f  s16 (default), s24, s32, f32 or u8`,
  takesFile: true,
  options: {
    device: { type: 'string', short: 'd' },
    rate: { type: 'string', short: 'r' },
    channels: { type: 'string', short: 'c' },
    format: { type: 'string', short: 'f' },
    time: { type: 'string', short: 't' },
  },
};

/** Open the reader before the stream starts: the file begins with the device's first frame. */
function openReader(stream, info) {
  const perSecond = buffersPerSecond(info);
  return stream.openReader({
    queueBuffers: Math.max(QUEUE_SECONDS * perSecond, 1),
    wakeBuffers: Math.floor(perSecond * WAKE_SECONDS),
    holdBuffers: 1,
    overflow: Overflow.DROP_NEWEST, // one long gap instead of many short ones
    name: PROGRAM,
  });
}

/** Stop the device; what is queued can still be borrowed, so that the file gets it all. */
async function stop(stream) {
  try {
    await stream.stop();
  } catch (error) {
    say(PROGRAM, `the device did not stop cleanly: ${describe(error)}`);
  }
}

/** Record until the file is long enough or nothing more comes. */
async function record(stream, reader, take) {
  let hasStalled = false;
  await stream.start();
  while (!take.isFull) {
    try {
      const buffer = await reader.borrow({ timeoutMs: STALL_SECONDS * 1000 });
      if (buffer === null) return;
      hasStalled = false;
      try {
        await take.add(buffer);
      } finally {
        buffer.release();
      }
    } catch (error) {
      if (error.code === 'ACAP_INTERRUPTED') {
        await stop(stream);
      } else if (error.code === 'ACAP_TIMED_OUT') {
        if (!hasStalled) say(PROGRAM, `the device has delivered nothing for ${STALL_SECONDS} s`);
        hasStalled = true;
      } else {
        throw error;
      }
    }
  }
}

/** Account for every frame. */
function report(path, info, stream, reader, take) {
  const figures = reader.stats;
  const source = stream.stats;
  const captured = figures.framesDelivered + figures.framesQueued;
  const written = take.framesCaptured + take.framesSilent;
  const format = Object.keys(Format).find((name) => Format[name] === info.format).toLowerCase();
  const seconds = (written / info.sampleRateHz).toFixed(3);
  say(PROGRAM, `${path}: ${seconds} s, ${written} frames of ${info.channelCount} channels ${format} at ${info.sampleRateHz} Hz`);
  say(
    PROGRAM,
    `captured ${captured} = recorded ${take.framesCaptured} + left out ${captured - take.framesCaptured}; ` +
      `lost ${figures.framesLost} (host ${source.lostHost}, pool ${source.lostPool}, queue ${figures.lostQueue}); ` +
      `silence written ${take.framesSilent}`,
  );
}

/** Write the silence for what was lost after the last buffer, and the file's end. */
async function complete(out, reader, take) {
  const figures = reader.stats;
  try {
    if (figures.framesQueued === 0) await take.skipTo(figures.endPosition);
  } finally {
    await out.close();
  }
}

/** Record, complete the file and report, whatever happens in between. */
async function recordTo(path, stream, limit) {
  const { info } = stream;
  const reader = openReader(stream, info);
  const undo = endBySignals(() => reader.interrupt());
  try {
    const out = await WavWriter.create(path, info);
    const take = new Take(out, reader.stats.startPosition, limit === undefined ? Infinity : Math.round(limit * info.sampleRateHz));
    try {
      await record(stream, reader, take);
    } finally {
      await stop(stream);
      try {
        await complete(out, reader, take);
      } finally {
        report(path, info, stream, reader, take);
      }
    }
  } finally {
    undo();
    reader.close();
  }
}

async function run(options) {
  const limit = parseSeconds(options.time);
  const config = {
    device: options.device,
    sampleRateHz: parseCount(options.rate),
    channelCount: parseCount(options.channels),
    format: parseFormat(options.format ?? 's16'),
  };
  const context = new Context();
  try {
    await recordTo(options.file, await context.openStream(config), limit);
  } finally {
    context.close();
  }
}

main(PROGRAM, LINE, run);
