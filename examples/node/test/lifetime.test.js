// SPDX-License-Identifier: MIT
'use strict';
// Everything in any order: closing, collecting, Workers, leaving the process. What the library gave must come back.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { existsSync, mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const acap = require('acap');
const { COUNTER, FRAMES, assertCounts, assertLaws, collect, drain, runCode } = require('./support.js');

const PARTS = ['context', 'stream', 'reader', 'pool', 'buffer'];
const WORKER = join(__dirname, 'worker.js');

function permutations(list) {
  if (list.length < 2) return [list];
  return list.flatMap((one, index) => permutations(list.filter((_, other) => other !== index)).map((rest) => [one, ...rest]));
}

async function makeParts() {
  const context = new acap.Context();
  const stream = await context.openStream(COUNTER);
  const reader = stream.openReader();
  await stream.start();
  stream.simAdvance(3 * FRAMES);
  return { context, stream, reader, pool: stream.pool, buffer: reader.tryBorrow() };
}

test('any order of closing', async () => {
  for (const order of permutations(PARTS)) {
    const parts = await makeParts();
    const observer = parts.pool.retain();
    assertLaws(parts);
    for (const name of order) {
      if (name === 'buffer') assertCounts(parts.buffer);
      if (name === 'buffer') parts.buffer.release();
      else parts[name].close();
    }
    const { inUse, rejectedReleases } = observer.stats;
    assert.deepEqual([inUse, rejectedReleases], [0, 0], order.join());
    observer.close();
  }
});

test('any order of forgetting', async () => {
  for (const order of permutations(PARTS)) {
    const parts = await makeParts();
    const observer = parts.pool.retain();
    for (const name of order) delete parts[name];
    await collect();
    assert.deepEqual([observer.stats.inUse, acap.buffersHeld()], [0, 0], order.join());
    observer.close();
  }
});

test('circles go with all their parts', async () => {
  const makeCircle = async () => {
    const parts = await makeParts();
    parts.self = parts;
    parts.buffer.owner = parts;
    parts.view = parts.buffer.samples;
    return parts.pool.retain();
  };
  const observers = [];
  for (let i = 0; i < 20; i += 1) observers.push(await makeCircle());
  await collect();
  for (const observer of observers) {
    assert.equal(observer.stats.inUse, 0);
    assertLaws({ pool: observer });
    observer.close();
  }
});

// ---- what is left behind ----

const directory = mkdtempSync(join(tmpdir(), 'acap-node-'));
after(() => rmSync(directory, { recursive: true }));
const { ACAP_INCLUDE_DIR: include, ACAP_LIBRARY_DIR: library } = process.env;
const balance = join(directory, 'balance.so');
const skipBalance =
  include && library && process.platform === 'linux' ? false : 'the ledger needs Linux, ACAP_INCLUDE_DIR and ACAP_LIBRARY_DIR';
const NOTHING = 'kept: contexts 0, lists 0, streams 0, readers 0, pools 0, buffers 0';

/** Run a program text under the ledger; give the status, what it printed and the ledger. */
async function runBalanced(code, options = {}) {
  if (!existsSync(balance)) {
    // Linked with acap, which makes the library the next one after the ledger.
    const link = [`-L${library}`, '-Wl,--no-as-needed', '-lacap', `-Wl,-rpath,${library}`, '-ldl'];
    const parameters = ['-shared', '-fPIC', '-O1', `-I${include}`, '-o', balance, join(__dirname, 'balance.c'), ...link];
    execFileSync(process.env.CC ?? 'cc', parameters, { stdio: 'inherit' });
  }
  const { status, stdout, stderr } = await runCode(code, { ...options, env: { LD_PRELOAD: balance } });
  const lines = stderr.trimEnd().split('\n');
  return { status, stdout: stdout.trim(), ledger: lines.at(-1), errors: lines.slice(0, -1).join('\n') };
}

const BEGIN = `
  const context = new acap.Context();
  const stream = await context.openStream('sim:counter?pace=manual&period=480');
  const reader = stream.openReader();
  await stream.start();
  stream.simAdvance(4800);
  await context.devices();
  globalThis.held = [reader.tryBorrow(), reader.tryBorrow(), reader.tryBorrow()];
  held.push(held[0].samples, held[1].retain(), stream.pool, stream.pool.retain());
  held[2].release();
`;

const ENDINGS = {
  'buffers, views and handles are held': '',
  'somebody waits, unref-ed': 'while (reader.tryBorrow()); reader.unref().borrow();',
  'somebody waits for events, unref-ed': 'context.unref().nextEvent({ timeoutMs: 1e6 }); while (context.tryNextEvent());',
  'the context is closed, the rest is not': 'context.close();',
  'a reader is on its way to another thread': 'held.push(stream.openReader().handOver());',
  'copies are held': `const copying = stream.openReader({ copy: true }); stream.simAdvance(960); held.push(copying.tryBorrow());`,
};

for (const [name, code] of Object.entries(ENDINGS)) {
  test(`the end of the process: ${name}`, { skip: skipBalance }, async () => {
    const { status, ledger, errors } = await runBalanced(BEGIN + code);
    assert.deepEqual([status, errors, ledger], [0, '', NOTHING]);
  });
}

test('the ledger can tell', { skip: skipBalance }, async () => {
  // process.exit() runs no finalizers on the main thread: the system takes everything.
  const { status, ledger, errors } = await runBalanced(`${BEGIN} process.exit(3);`);
  assert.equal(status, 3);
  assert.equal(errors, '');
  assert.match(ledger, /contexts 1, lists 0, streams 1, readers 1, pools [1-9], buffers 3/);
});

test('process.exit in a loop, in a finalizing program, with calls under way', async () => {
  const endings = [
    'for await (const buffer of reader) process.exit(4);',
    `stream.close(); context.openStream('sim:counter?stuck=open:100ms'); setTimeout(() => process.exit(4), 5);`,
    `process.on('exit', () => { if (held[0].samples[0] !== -1) throw new Error('gone'); }); process.exit(4);`,
  ];
  for (const code of endings) {
    const { status, stderr } = await runCode(BEGIN + code);
    assert.deepEqual([status, stderr], [4, ''], code);
  }
});

test('an exception that nobody catches', { skip: skipBalance }, async () => {
  const { status, stdout } = await runBalanced(`${BEGIN} for await (const buffer of reader) throw new Error('enough');`);
  assert.deepEqual([status, stdout], [1, '']);
});

// ---- Workers ----

function runWorker(workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData });
    let error = null;
    worker.on('message', () => worker.terminate());
    worker.on('error', (one) => {
      error = one;
    });
    worker.on('exit', (status) => (error && !/thrown in the Worker/.test(error) ? reject(error) : resolve(status)));
  });
}

test('Workers, several at once and one after the other, beside a busy main thread', async () => {
  const { context, stream, reader, buffer } = await makeParts();
  let isOver = false;
  const busy = (async () => {
    for (let i = 0; !isOver; i += 1) {
      stream.simAdvance(FRAMES);
      (await reader.borrow()).release();
      if (i % 100 === 0) await new Promise(setImmediate);
    }
  })();
  for (const ending of ['return', 'wait', 'call', 'exit', 'throw']) {
    const statuses = await Promise.all([1, 2, 3].map((seed) => runWorker({ ending, seed })));
    assert.equal(new Set(statuses).size, 1);
  }
  isOver = true;
  await busy;
  assertCounts(buffer);
  buffer.release();
  drain(reader);
  assertLaws({ reader, stream, pool: stream.pool });
  assert.equal(stream.pool.stats.inUse, 0);
  context.close();
});

for (const ending of ['return', 'wait', 'call', 'exit', 'throw']) {
  test(`a Worker that ends by "${ending}" leaves nothing behind`, { skip: skipBalance }, async () => {
    const code = `
      const { Worker } = require('node:worker_threads');
      let left = 4;
      for (let seed = 0; seed < 4; seed += 1) {
        const worker = new Worker(${JSON.stringify(WORKER)}, { workerData: { ending: '${ending}', seed } });
        worker.on('message', () => worker.terminate());
        worker.on('error', (error) => { if (!/thrown in the Worker/.test(error)) throw error; });
        worker.on('exit', () => { left -= 1; if (left === 0) console.log('all gone'); });
      }`;
    const { status, stdout, ledger, errors } = await runBalanced(code);
    assert.deepEqual([status, stdout, errors, ledger], [0, 'all gone', '', NOTHING]);
  });
}

// ---- memory errors ----

const hasValgrind = () => {
  try {
    execFileSync('valgrind', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

test('valgrind finds no invalid access', { skip: hasValgrind() ? false : 'valgrind is not installed' }, async () => {
  const valgrind = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=no', '--undef-value-errors=no', '--smc-check=all-non-file'];
  const code = `${BEGIN}
    for (let i = 0; i < 50; i += 1) {
      stream.simAdvance(480);
      const buffer = reader.tryBorrow();
      const other = buffer.retain();
      if (i % 3 === 0) buffer.release();
      if (i % 5 === 0) globalThis.last = other.samples;
      if (i % 20 === 0) { global.gc(); await new Promise(setImmediate); }
    }
    stream.close();
    reader.unref().borrow();
    console.log('done');`;
  const flags = ['--expose-gc', '--jitless', '--single-threaded'];
  const { status, stdout, stderr } = await runCode(code, { command: valgrind, flags });
  assert.deepEqual([status, stdout.trim()], [0, 'done'], stderr);
});
