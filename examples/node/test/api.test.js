// SPDX-License-Identifier: MIT
'use strict';
// Contexts, devices, streams, pools, events, errors.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const acap = require('acap');
const { Account, COUNTER, FRAMES, LONG_MS, assertCounts, assertLaws, collect, drain, nextTurn, withStream } = require('./support.js');

// ---- what has no object ----

test('clock, formats, results', () => {
  const before = acap.clockNs();
  assert.equal(typeof before, 'bigint');
  assert.ok(acap.clockNs() >= before);
  const offset = Number(before - process.hrtime.bigint()); // the same clock where both are CLOCK_MONOTONIC
  if (process.platform === 'linux') assert.ok(Math.abs(offset) < 10e9);
  assert.deepEqual(Object.values(acap.Format).map(acap.formatBytes), [2, 3, 4, 4, 1]);
  assert.equal(acap.formatBytes(99), 0);
  assert.equal(acap.resultName(12345), 'ACAP_UNKNOWN_RESULT');
  assert.ok(acap.resultText(acap.Result.ERROR_NO_DEVICE).length > 10);
  assert.equal(acap.externalBuffers, process.env.ACAP_NODE_NO_EXTERNAL !== '1');
});

// ---- errors ----

test('an error has the name, the number and the words of the library', async () => {
  const context = new acap.Context({ backend: 'sim' });
  await assert.rejects(context.openStream('no such device'), (error) => {
    assert.ok(error instanceof acap.AcapError && error instanceof Error);
    assert.deepEqual([error.name, error.code, error.result], ['AcapError', 'ACAP_ERROR_NO_DEVICE', -4]);
    assert.match(error.message, /no such device/);
    return true;
  });
  const wrong = [
    [{ device: 'sim:sine?pace=never' }, 'ACAP_ERROR_INVALID_ARGUMENT', /pace/],
    [{ device: 'sim:sine', sampleRateHz: 1 }, 'ACAP_ERROR_INVALID_ARGUMENT', /./],
    [{ device: 'sim:sine?fail=open' }, 'ACAP_ERROR_BACKEND', /fail=open/],
    [{ device: 'sim:sine', format: 77 }, 'ACAP_ERROR_INVALID_ARGUMENT', /./],
    [{ device: 'sim:sine', poolBuffersMin: 9, poolBuffersMax: 8 }, 'ACAP_ERROR_INVALID_ARGUMENT', /./],
  ];
  for (const [options, code, words] of wrong) await assert.rejects(context.openStream(options), { code, message: words });
  assert.throws(() => new acap.Context({ backend: 'nothing' }), { code: 'ACAP_ERROR_INVALID_ARGUMENT', message: /nothing/ });
  context.close();
});

test('the words belong to the call that failed, however many are under way', async () => {
  const context = new acap.Context();
  const names = Array.from({ length: 24 }, (_, index) => `sim:sine?pace=wrong${index}`);
  const failed = await Promise.allSettled(names.map((name) => context.openStream(name)));
  failed.forEach(({ reason }, index) => assert.match(reason.message, new RegExp(`wrong${index}\\b`)));
  context.close();
});

test('options that do not exist or do not fit are refused before anything happens', async () => {
  const context = new acap.Context();
  const wrong = [
    [{ devise: 'sim:sine' }, TypeError],
    [{ flags: 1 }, TypeError],
    [{ device: 7 }, TypeError],
    [{ device: 'sim:sine\0x' }, RangeError],
    [{ channelCount: '2' }, TypeError],
    [{ channelCount: -1 }, RangeError],
    [{ channelCount: 1.5 }, RangeError],
    [{ channelCount: 2 ** 32 }, RangeError],
    [{ historyNs: 0.5 }, RangeError],
    [{ historyNs: 2n ** 64n }, RangeError],
    [{ planar: 1 }, TypeError],
    [{ pool: {} }, TypeError],
    [null, TypeError],
    [7, TypeError],
  ];
  for (const [options, kind] of wrong) await assert.rejects(context.openStream(options), kind, JSON.stringify(options, String));
  await withStream({}, async ({ stream }) => {
    assert.throws(() => stream.openReader({ queue: 1 }), TypeError);
    assert.throws(() => stream.openReader({ copy: 1 }), TypeError);
    assert.throws(() => stream.openReader({ wakeBuffers: 5, queueBuffers: 4 }), { code: 'ACAP_ERROR_INVALID_ARGUMENT' });
    assert.throws(() => stream.simAdvance(-1), RangeError);
    assert.throws(() => stream.simAdvance(), TypeError);
  });
  assert.throws(() => new acap.Pool({}), { code: 'ACAP_ERROR_INVALID_ARGUMENT' });
  assert.throws(() => new acap.Pool(), TypeError);
  const getter = Object.defineProperty({}, 'device', {
    enumerable: true,
    get() {
      throw new Error('from the getter');
    },
  });
  await assert.rejects(context.openStream(getter), { message: 'from the getter' });
  context.close();
});

test('closed objects say so, and closing twice does nothing', async () => {
  const context = new acap.Context();
  const stream = await context.openStream(COUNTER);
  const reader = stream.openReader();
  const pool = stream.pool.retain();
  const closed = { name: 'AcapError', code: 'ERR_ACAP_CLOSED', result: acap.Result.ERROR_INVALID_STATE };
  for (const one of [reader, pool, stream, context]) {
    assert.equal(one.closed, false);
    one.close();
    one.close();
    assert.equal(one.closed, true);
  }
  const uses = [
    () => reader.tryBorrow(),
    () => reader.stats,
    () => reader.end(),
    () => reader.interrupt(),
    () => pool.stats,
    () => pool.acquire(),
    () => pool.retain(),
    () => stream.stats,
    () => stream.info,
    () => stream.openReader(),
    () => stream.simAdvance(1),
    () => context.tryNextEvent(),
    () => context.interrupt(),
  ];
  for (const use of uses) assert.throws(use, closed, String(use));
  for (const use of [
    () => reader.borrow(),
    () => stream.start(),
    () => stream.stop(),
    () => context.devices(),
    () => context.openStream(COUNTER),
    () => context.checkSupported(COUNTER),
    () => context.nextEvent(),
  ]) {
    await assert.rejects(use, closed, String(use));
  }
});

test('a pool cannot be taken for a stream', () => {
  const { PACKAGE } = require('./support.js');
  const native = require(require('node:path').join(PACKAGE, 'build', 'acap.node'));
  for (const wrong of [undefined, null, {}, 7, new ArrayBuffer(8)]) {
    for (const call of ['streamStats', 'readerBorrow', 'poolStats', 'contextDevices', 'close', 'streamStart', 'waitStart']) {
      assert.throws(() => native[call](wrong), { code: 'ERR_INVALID_ARG_TYPE' });
    }
  }
});

// ---- devices and streams ----

test('devices', async () => {
  const context = new acap.Context({ backend: 'sim' });
  const devices = await context.devices();
  assert.ok(devices.some((device) => device.id === 'sim:counter'));
  assert.equal(devices.filter((device) => device.flags & acap.DeviceFlags.DEFAULT).length, 1);
  for (const device of devices) {
    assert.ok(device.maxChannelCount >= 1 && device.defaultSampleRateHz > 0 && device.hostApi !== '');
    assert.equal(typeof device.lowLatencyNs, 'bigint');
    (await context.openStream(device.id)).close();
  }
  context.close();
});

test('what was asked for is what was opened', () =>
  withStream(
    { sampleRateHz: 96_000, channelCount: 6, format: acap.Format.S24, framesPerBuffer: 240, planar: true },
    async ({ stream, context }) => {
      const { latencyNs, streamId, ...rest } = stream.info;
      assert.deepEqual(rest, {
        sampleRateHz: 96_000,
        channelCount: 6,
        format: acap.Format.S24,
        framesPerBuffer: 240,
        flags: acap.StreamFlags.PLANAR,
        deviceId: COUNTER,
        backend: 'sim',
      });
      assert.equal(typeof latencyNs, 'bigint');
      assert.ok(streamId >= 1);
      assert.equal(stream.context, context);
    },
  ));

test('checkSupported', async () => {
  const context = new acap.Context();
  assert.equal(await context.checkSupported({ device: 'sim:counter', sampleRateHz: 44_100 }), undefined);
  await assert.rejects(context.checkSupported('sim:nothing'), acap.AcapError);
  context.close();
});

test('calls that wait for the sound system leave the event loop alone', async () => {
  const context = new acap.Context();
  let turns = 0;
  const ticking = setInterval(() => {
    turns += 1;
  }, 5);
  const stream = await context.openStream('sim:counter?stuck=open:300ms&pace=manual');
  clearInterval(ticking);
  assert.ok(turns >= 5, `${turns} turns in 300 ms`);
  stream.close();
  context.close();
});

test('a host that hangs is an error in time, and closing does not wait for it', async () => {
  const context = new acap.Context();
  const stream = await context.openStream('sim:counter?stuck=stop:8s');
  const reader = stream.openReader();
  await stream.start();
  (await reader.borrow()).release();
  await assert.rejects(stream.stop(), { code: 'ACAP_ERROR_HOST_STUCK' });
  drain(reader);
  assertLaws({ reader, stream });
  assert.equal(await reader.borrow(), null);
  const before = performance.now();
  reader.close();
  stream.close();
  context.close();
  assert.ok(performance.now() - before < 2000);
});

test('closing while a call is under way is left for when it is over', async () => {
  for (let i = 0; i < 10; i += 1) {
    const context = new acap.Context();
    const stream = await context.openStream(COUNTER);
    const pending = [stream.start(), stream.stop(), stream.start(), context.devices(), context.openStream(COUNTER)];
    stream.close();
    context.close();
    const settled = await Promise.allSettled(pending);
    for (const { status, value, reason } of settled) {
      if (status === 'rejected') assert.ok(reason instanceof acap.AcapError, String(reason));
      if (value instanceof acap.Stream) value.close();
    }
  }
});

test('a stop and a start: positions go on, readers continue', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(2 * FRAMES);
    await stream.stop();
    await stream.stop();
    assert.deepEqual(drain(reader), [0, FRAMES]);
    assert.equal(reader.tryBorrow(), null);
    assert.equal(stream.stats.state, acap.StreamState.STOPPED);
    await stream.start();
    await stream.start();
    assert.equal(stream.stats.state, acap.StreamState.RUNNING);
    stream.simAdvance(FRAMES);
    assert.deepEqual(drain(reader), [2 * FRAMES]);
  }));

test('a device that goes away', () =>
  withStream('sim:counter?pace=manual&period=480&unplug=100ms', async ({ stream, openReader }) => {
    const reader = openReader({ queueBuffers: 1000 });
    stream.simAdvance(48_000 * 4);
    assert.equal(stream.stats.state, acap.StreamState.LOST);
    const positions = [];
    await assert.rejects(
      (async () => {
        for await (const buffer of reader.loans()) positions.push(buffer.position);
      })(),
      { code: 'ACAP_ERROR_DEVICE_LOST', result: -6 },
    );
    assert.equal(positions.length, 10);
  }));

test('a device that comes back', () =>
  withStream(
    { device: 'sim:counter?pace=manual&period=480&unplug=5s&replug=8s', onDeviceLost: acap.OnDeviceLost.WAIT },
    async ({ context, stream, openReader }) => {
      const reader = openReader({ queueBuffers: 2000 });
      const account = new Account(reader);
      stream.simAdvance(480_000);
      await stream.stop();
      let recovered = null;
      for await (const buffer of reader.loans()) {
        account.add(buffer);
        if (buffer.flags & acap.BufferFlags.RECOVERED) recovered = buffer.lostBefore;
      }
      account.check();
      assert.ok(recovered > 100_000);
      assert.equal(stream.stats.recoveries, 1);
      const types = [];
      for (let event = context.tryNextEvent(); event; event = context.tryNextEvent()) types.push(event.type);
      const { STREAM_STALLED, STREAM_LOST, STREAM_RECOVERED } = acap.EventType;
      assert.deepEqual(types.filter((type) => [STREAM_STALLED, STREAM_LOST, STREAM_RECOVERED].includes(type)), [
        STREAM_STALLED,
        STREAM_LOST,
        STREAM_RECOVERED,
      ]);
    },
  ));

// ---- push ----

test('the program is the device', () =>
  withStream({ device: 'push:', format: acap.Format.S16, framesPerBuffer: 4, channelCount: 2 }, async ({ stream, openReader }) => {
    const reader = openReader();
    const account = new Account(reader);
    const numbers = Int16Array.from({ length: 16 }, (_, index) => index - 8);
    stream.push(numbers.subarray(0, 8), { timeNs: 1_000_000n });
    stream.push(new Uint8Array(numbers.buffer, 16, 8));
    stream.push(new DataView(numbers.buffer, 24, 8), { timeNs: 0 });
    stream.push(new Int16Array(0));
    stream.pushLost(5);
    stream.push(numbers.buffer);
    await stream.stop();
    const all = [];
    for await (const buffer of reader.loans()) {
      account.add(buffer);
      all.push(...buffer.samples);
    }
    account.check();
    assert.deepEqual(all, [...numbers, ...numbers]);
    assert.deepEqual([account.gaps, stream.stats.framesLost], [5, 5]);
    await assert.rejects(async () => stream.push(numbers), { code: 'ACAP_ERROR_INVALID_STATE' });
  }));

test('what cannot be pushed', () =>
  withStream({ device: 'push:', format: acap.Format.S16 }, async ({ stream }) => {
    assert.throws(() => stream.push(new Float32Array(4)), { name: 'TypeError', message: /Int16Array/ });
    assert.throws(() => stream.push([1, 2]), TypeError);
    assert.throws(() => stream.push('text'), TypeError);
    assert.throws(() => stream.push(new Int16Array(3)), { name: 'RangeError', message: /whole frames/ });
    assert.throws(() => stream.push(new Int16Array(2), { timeNs: 'now' }), TypeError);
    assert.throws(() => stream.pushLost(-1), RangeError);
    assert.throws(() => stream.simAdvance(1), { code: 'ACAP_ERROR_INVALID_ARGUMENT' });
  }));

// ---- pools ----

test('a pool of its own', async () => {
  const pool = new acap.Pool({ bufferSizeBytes: 256, buffersMin: 2, buffersMax: 2 });
  const [one, two] = [pool.acquire(), pool.acquire()];
  assert.throws(() => pool.acquire(), { code: 'ACAP_ERROR_POOL_EXHAUSTED' });
  assert.deepEqual([one.format, one.sizeBytes, one.frameCount, one.samples.length], [null, 256, 0, 256]);
  one.writable().fill(7);
  assert.equal(one.bytes[255], 7);
  assert.throws(() => one.measure(), { code: 'ACAP_ERROR_INVALID_ARGUMENT' });
  const other = pool.retain();
  pool.close();
  one.release();
  const { inUse, inUsePeak, exhausted, hitRate, buffersMax } = other.stats;
  assert.deepEqual([inUse, inUsePeak, exhausted, hitRate, buffersMax], [1, 2, 1, 2 / 3, 2]);
  other.close();
  assert.equal(two.bytes.length, 256);
  two.release();
});

test('streams share a pool', async () => {
  const context = new acap.Context();
  const pool = new acap.Pool({ bufferSizeBytes: 3840, buffersMin: 16, lockMemory: false });
  const streams = await Promise.all([1, 2].map(() => context.openStream({ device: COUNTER, pool })));
  const readers = streams.map((stream) => stream.openReader({ queueBuffers: 4 }));
  await Promise.all(streams.map((stream) => stream.start()));
  streams.forEach((stream) => stream.simAdvance(FRAMES));
  const buffers = readers.map((reader) => reader.tryBorrow());
  buffers.forEach(assertCounts);
  assert.equal(pool.stats.inUse, 2);
  buffers.forEach((buffer) => buffer.release());
  assert.equal(streams[0].pool.stats.acquired, pool.stats.acquired);
  readers.forEach((reader) => assertLaws({ reader }));
  assertLaws({ pool });
  await assert.rejects(context.openStream({ device: COUNTER, channelCount: 8, pool }), { code: 'ACAP_ERROR_LIMIT' });
  pool.close();
  await assert.rejects(context.openStream({ device: COUNTER, pool }), { code: 'ERR_ACAP_CLOSED' });
  context.close();
});

test('a pool that a stream has closed is got again', () =>
  withStream({}, async ({ stream }) => {
    const { pool } = stream;
    assert.equal(stream.pool, pool);
    pool.close();
    assert.equal(stream.pool.stats.inUse, 0);
  }));

// ---- events ----

test('events', () =>
  withStream('sim:counter?pace=manual&period=480&xrun=100ms:960f:flag', async ({ context, stream, openReader }) => {
    const reader = openReader({ queueBuffers: 600 });
    const waiting = context.nextEvent({ timeoutMs: LONG_MS });
    await nextTurn();
    stream.simAdvance(500 * FRAMES);
    let event = await waiting;
    while (event.type !== acap.EventType.FRAMES_LOST) event = await context.nextEvent({ timeoutMs: LONG_MS });
    assert.deepEqual([event.frames, event.streamId, event.eventsLost], [960, stream.info.streamId, 0]);
    assert.equal(typeof event.timeNs, 'bigint');
    assert.ok(Object.values(acap.Level).includes(event.level) && event.text.length > 0);
    drain(reader);
    for (let one = context.tryNextEvent(); one; one = context.tryNextEvent());
    await assert.rejects(context.nextEvent({ timeoutMs: 1 }), { code: 'ACAP_TIMED_OUT' });
    context.interrupt();
    await assert.rejects(context.nextEvent(), { code: 'ACAP_INTERRUPTED' });
    await assert.rejects(context.nextEvent({ signal: AbortSignal.timeout(1) }), { name: 'TimeoutError' });
  }));

test('a loop over events ends when the context is closed', async () => {
  const context = new acap.Context();
  const types = [];
  const loop = (async () => {
    for await (const event of context.unref().ref().events()) types.push(event.type);
  })();
  const stream = await context.openStream('sim:silence?pace=manual');
  await stream.start();
  stream.simAdvance(48_000 * 6);
  while (!types.includes(acap.EventType.SUSPECT_SILENCE)) await nextTurn();
  context.close();
  await loop;
  stream.close();
  await collect();
});
