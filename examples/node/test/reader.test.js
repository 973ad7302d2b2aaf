// SPDX-License-Identifier: MIT
'use strict';
// Readers: borrowing, waiting, ending, on one event loop.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const acap = require('acap');
const { Account, FRAMES, LONG_MS, assertCounts, assertLaws, collect, drain, nextTurn, runCode, until, withStream } = require('./support.js');

test('iteration ends with the stream', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader();
    const account = new Account(reader);
    stream.simAdvance(10 * FRAMES);
    await stream.stop();
    let count = 0;
    for await (const buffer of reader) {
      assert.equal(buffer.position, count * FRAMES);
      assertCounts(buffer);
      account.add(buffer);
      buffer.release();
      count += 1;
    }
    assert.equal(count, 10);
    assert.equal(await reader.borrow(), null);
    assert.equal(reader.tryBorrow(), null);
    account.check();
  }));

test('results of borrow', () =>
  withStream({}, async ({ openReader }) => {
    const reader = openReader();
    assert.equal(reader.tryBorrow(), undefined);
    for (const timeoutMs of [0, 0.5, 10]) {
      const late = { name: 'AcapError', code: 'ACAP_TIMED_OUT', result: acap.Result.TIMED_OUT };
      await assert.rejects(reader.borrow({ timeoutMs }), late);
    }
    reader.interrupt();
    await assert.rejects(reader.borrow(), { code: 'ACAP_INTERRUPTED', result: acap.Result.INTERRUPTED });
    assert.equal(reader.tryBorrow(), undefined);
    reader.interrupt();
    assert.throws(() => reader.tryBorrow(), { code: 'ACAP_INTERRUPTED' });
    reader.end();
    assert.equal(await reader.borrow(), null);
    assert.equal(await reader.borrow({ timeoutMs: 0 }), null);
    for (const timeoutMs of [-1, NaN, '1']) await assert.rejects(reader.borrow({ timeoutMs }), RangeError);
    await assert.rejects(reader.borrow({ timeout: 1 }), TypeError);
    await assert.rejects(reader.borrow(null), TypeError);
  }));

test('a wait ends with a buffer, the end, an interrupt, the stop of the stream, a close', () =>
  withStream({}, async ({ stream, openReader }) => {
    const wait = async (end) => {
      const reader = openReader();
      const borrowed = reader.borrow();
      await nextTurn();
      await end(reader);
      return borrowed;
    };
    const buffer = await wait(() => stream.simAdvance(FRAMES));
    assertCounts(buffer);
    buffer.release();
    assert.equal(await wait((reader) => reader.end()), null);
    await assert.rejects(wait((reader) => reader.interrupt()), { code: 'ACAP_INTERRUPTED' });
    await assert.rejects(wait((reader) => reader.close()), { code: 'ERR_ACAP_CLOSED' });
    assert.equal(await wait(() => stream.stop()), null);
    await stream.start();
    assert.equal(await wait(() => stream.close()), null);
  }));

test('an interrupt loses nothing', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(FRAMES);
    reader.interrupt();
    await assert.rejects(reader.borrow(), { code: 'ACAP_INTERRUPTED' });
    assert.deepEqual(drain(reader), [0]);
  }));

test('an AbortSignal ends a wait and takes no buffer', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader();
    const reason = new Error('enough');
    await assert.rejects(reader.borrow({ signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const borrowed = reader.borrow({ signal: controller.signal, timeoutMs: LONG_MS });
    await nextTurn();
    stream.simAdvance(FRAMES); // is there, but the abort comes first
    controller.abort(reason);
    await assert.rejects(borrowed, reason);
    await assert.rejects(reader.borrow({ signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.deepEqual(drain(reader), [0]);
    const iteration = (async () => {
      for await (const buffer of reader.loans({ signal: AbortSignal.timeout(5) })) assert.fail(String(buffer));
    })();
    await assert.rejects(iteration, { name: 'TimeoutError' });
  }));

test('a signal that many borrows share keeps no listener', () =>
  withStream({}, async ({ stream, openReader }) => {
    const { getEventListeners } = require('node:events');
    const reader = openReader();
    const { signal } = new AbortController();
    for (let i = 0; i < 50; i += 1) {
      const borrowed = reader.borrow({ signal });
      await nextTurn();
      stream.simAdvance(FRAMES);
      (await borrowed).release();
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  }));

test('one waits at a time', () =>
  withStream({}, async ({ openReader }) => {
    const reader = openReader();
    const first = reader.borrow();
    await nextTurn();
    await assert.rejects(reader.borrow(), { code: 'ERR_ACAP_BUSY' });
    reader.end();
    assert.equal(await first, null);
  }));

test('end keeps what is queued', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader();
    stream.simAdvance(2 * FRAMES);
    reader.end();
    stream.simAdvance(2 * FRAMES);
    assert.deepEqual(drain(reader), [0, FRAMES]);
    assert.equal(reader.tryBorrow(), null);
  }));

for (const [name, overflow] of Object.entries(acap.Overflow)) {
  test(`a full queue: ${name}`, () =>
    withStream({}, async ({ stream, openReader }) => {
      const reader = openReader({ queueBuffers: 4, overflow, name: 'slow' });
      const other = openReader({ queueBuffers: 10 });
      const account = new Account(reader);
      stream.simAdvance(10 * FRAMES);
      await stream.stop();
      const positions = [];
      for await (const buffer of reader.loans()) {
        account.add(buffer);
        positions.push(buffer.position / FRAMES);
      }
      account.check();
      assert.deepEqual(positions, name === 'DROP_OLDEST' ? [6, 7, 8, 9] : [0, 1, 2, 3]);
      const figures = reader.stats;
      assert.deepEqual([figures.lostQueue, figures.lostStream, figures.queuedBuffersPeak], [6 * FRAMES, 0, 4]);
      assert.equal(drain(other).length, 10);
    }));
}

test('pre-roll', () =>
  withStream({ historyNs: 100_000_000n }, async ({ stream, openReader }) => {
    stream.simAdvance(100 * FRAMES);
    const positions = [95, 96, 97, 98, 99].map((buffer) => buffer * FRAMES);
    assert.deepEqual(drain(openReader({ prerollNs: 50_000_000n })), positions);
    assert.deepEqual(drain(openReader({ prerollNs: 50_000_000 })), positions);
  }));

test('wakeBuffers', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader({ queueBuffers: 16, wakeBuffers: 4 });
    let awake = false;
    const borrowed = reader.borrow().finally(() => {
      awake = true;
    });
    const settle = async () => {
      for (let i = 0; i < 10; i += 1) await nextTurn();
    };
    await settle(); // a wait handle may be readable once too often
    stream.simAdvance(3 * FRAMES);
    await settle();
    assert.equal(awake, false);
    stream.simAdvance(FRAMES);
    (await borrowed).release();
    assert.equal(drain(reader).length, 3);
    stream.simAdvance(FRAMES); // fewer than wakeBuffers, but there at the timeout
    const late = reader.borrow({ timeoutMs: 5 });
    (await late).release();
  }));

test('figures', () =>
  withStream({}, async ({ stream, openReader }) => {
    stream.simAdvance(3 * FRAMES);
    const reader = openReader();
    stream.simAdvance(5 * FRAMES);
    for (let i = 0; i < 2; i += 1) (await reader.borrow()).release();
    const figures = reader.stats;
    assert.deepEqual([figures.startPosition, figures.endPosition], [3 * FRAMES, 8 * FRAMES]);
    assert.deepEqual([figures.buffersDelivered, figures.framesDelivered], [2, 2 * FRAMES]);
    assert.deepEqual([figures.queuedBuffers, figures.framesQueued], [3, 3 * FRAMES]);
    assert.ok(figures.latencyNsMax >= figures.latencyNsP50);
    assert.equal(reader.stream, stream);
  }));

test('a hidden loss is found in the data, and accounted for', () =>
  withStream('sim:counter?pace=manual&period=480&xrun=100ms:960f:flag', async ({ stream, openReader }) => {
    const reader = openReader({ queueBuffers: 600 });
    const account = new Account(reader);
    stream.simAdvance(500 * FRAMES);
    await stream.stop();
    const flagged = [];
    for await (const buffer of reader.loans()) {
      account.add(buffer);
      if (buffer.flags & acap.BufferFlags.GAP) flagged.push(buffer.lostBefore);
    }
    account.check();
    assert.deepEqual(flagged, [960]);
    assert.deepEqual([account.gaps, reader.stats.lostStream, stream.stats.lostHost], [960, 960, 960]);
  }));

// ---- loops that are left early ----

test('a loop over loans that is left by break, throw or return leaks nothing', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader();
    stream.simAdvance(6 * FRAMES);
    for await (const buffer of reader.loans()) {
      assert.equal(buffer.position, 0);
      break;
    }
    assert.equal(acap.buffersHeld(), 0);
    const failing = async () => {
      for await (const buffer of reader.loans()) throw new Error(`at ${buffer.position}`);
    };
    await assert.rejects(failing(), { message: `at ${FRAMES}` });
    const returning = async () => {
      for await (const buffer of reader.loans()) return buffer;
      return null;
    };
    assert.equal((await returning()).released, true);
    for await (const buffer of reader.loans()) {
      buffer.release(); // earlier than the loop would
      if (buffer.position === 4 * FRAMES) break;
    }
    assert.equal(acap.buffersHeld(), 0);
    assert.deepEqual(drain(reader), [5 * FRAMES]);
    assert.equal(pool.stats.inUse, 0);
  }));

test('a plain loop that throws leaves its buffer to the collector, and the reader as it is', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const reader = openReader();
    stream.simAdvance(3 * FRAMES);
    await assert.rejects(
      (async () => {
        for await (const buffer of reader) throw new Error(`at ${buffer.position}`);
      })(),
      { message: 'at 0' },
    );
    await collect();
    assert.equal(acap.buffersHeld(), 0);
    assert.deepEqual(drain(reader), [FRAMES, 2 * FRAMES]);
    assert.equal(pool.stats.inUse, 0);
  }));

// ---- the event loop ----

test('timers run while buffers keep coming', () =>
  withStream({}, async ({ stream, openReader }) => {
    const reader = openReader({ queueBuffers: 4 });
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, 1);
    let count = 0;
    while (!isOver) {
      stream.simAdvance(FRAMES);
      (await reader.borrow()).release(); // always there: only the reader itself lets the loop turn
      count += 1;
      assert.ok(count < 1e6);
    }
  }));

test('a waiting reader costs no processor time and no turns of the event loop', async () => {
  const { status, stdout, stderr } = await runCode(`
    const { performance } = require('node:perf_hooks');
    const stream = await new acap.Context().openStream('sim:counter?pace=manual');
    const reader = stream.openReader();
    await stream.start();
    const ended = (async () => { for await (const buffer of reader) buffer.release(); })();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = [process.cpuUsage(), performance.eventLoopUtilization()];
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const cpu = process.cpuUsage(before[0]);
    const loop = performance.eventLoopUtilization(before[1]);
    console.log(JSON.stringify({ cpuMs: (cpu.user + cpu.system) / 1000, activeMs: loop.active }));
    await stream.stop();
    await ended;
  `);
  assert.equal(status, 0, stderr);
  const { cpuMs, activeMs } = JSON.parse(stdout);
  assert.ok(cpuMs < 100 && activeMs < 100, stdout); // polling even once a millisecond would be more
});

test('a wait keeps the process alive unless it was unref-ed', async () => {
  const begin = `
    process.on('exit', () => console.log('exit', got));
    let got = 0;
    const stream = await new acap.Context().openStream(DEVICE);
    const reader = stream.openReader();
    await stream.start();`;
  const waits = 'for await (const buffer of reader) { got += 1; buffer.release(); if (got === 5) break; }';
  const code = (device, line) => begin.replace('DEVICE', JSON.stringify(device)) + line;
  const expected = {
    [code('sim:counter', waits)]: 'exit 5',
    [code('sim:counter?pace=manual', `reader.unref(); ${waits}`)]: 'exit 0',
    [code('sim:counter?pace=manual', `setTimeout(() => reader.unref(), 5); ${waits}`)]: 'exit 0',
    [code('sim:counter?pace=manual', 'reader.unref().borrow({ timeoutMs: 1e9 });')]: 'exit 0',
    [code('sim:counter', `reader.unref().ref(); ${waits}`)]: 'exit 5',
  };
  for (const [text, words] of Object.entries(expected)) {
    const { status, stdout, stderr } = await runCode(text);
    assert.deepEqual([status, stdout.trim(), stderr], [0, words, ''], text);
  }
});

test('real time: the device has a thread of its own, this one sleeps in between', () =>
  withStream('sim:counter', async ({ stream, openReader }) => {
    const reader = openReader();
    const account = new Account(reader);
    while (account.frames < 4800) {
      const buffer = await reader.borrow({ timeoutMs: LONG_MS });
      assertCounts(buffer);
      account.add(buffer);
      buffer.release();
    }
    await stream.stop();
    for await (const buffer of reader.loans()) account.add(buffer);
    account.check();
    assertLaws({ reader, stream });
  }));

test('several readers wait at once, each for its own', () =>
  withStream({}, async ({ stream, openReader }) => {
    const readers = Array.from({ length: 20 }, () => openReader());
    const accounts = readers.map((reader) => new Account(reader));
    const loops = readers.map(async (reader, index) => {
      for await (const buffer of reader.loans()) accounts[index].add(buffer);
    });
    for (let i = 0; i < 50; i += 1) {
      stream.simAdvance(FRAMES);
      await nextTurn();
    }
    await stream.stop();
    await Promise.all(loops);
    for (const account of accounts) {
      account.check();
      assert.equal(account.frames, 50 * FRAMES);
    }
  }));

test('a reader is kept by its wait, and a stream by its reader', async () => {
  const context = new acap.Context();
  let stream = await context.openStream('sim:counter');
  await stream.start();
  const reader = stream.openReader();
  stream = null;
  await collect();
  const buffer = await reader.borrow({ timeoutMs: LONG_MS });
  buffer.release();
  reader.stream.close();
  context.close();
  await until(() => reader.tryBorrow() === null || drain(reader) === null);
  assertLaws({ reader });
  reader.close();
  await pause(0);
});
