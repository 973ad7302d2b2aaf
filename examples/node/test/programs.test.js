// SPDX-License-Identifier: MIT
'use strict';
// The programs, as people run them, and the README's examples.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { existsSync, mkdtempSync, readFileSync, rmSync, statSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, test } = require('node:test');
const zlib = require('node:zlib');
const acap = require('acap');
const { FRAMES, PACKAGE, assertInterleaved, drain, runNode, until, withStream } = require('./support.js');

const { Take } = require(join(PACKAGE, 'bin', 'take.js'));
const { WavWriter } = require(join(PACKAGE, 'bin', 'wav.js'));
const { json, table } = require(join(PACKAGE, 'bin', 'list_devices.js'));
const { F32, S16, S24, S32, U8 } = acap.Format;
const VIEWS = { [S16]: Int16Array, [S24]: Uint8Array, [S32]: Int32Array, [F32]: Float32Array, [U8]: Uint8Array };

const directory = mkdtempSync(join(tmpdir(), 'acap-node-'));
after(() => rmSync(directory, { recursive: true }));
let files = 0;
const newPath = () => join(directory, `out${(files += 1)}.wav`);

const run = (program, parameters, env) => runNode([join(PACKAGE, 'bin', program), ...parameters], { env });

/** Read a WAV file: its kind and its chunks, those of a file without its data included. */
function chunksOf(path) {
  const octets = readFileSync(path);
  assert.equal(octets.toString('latin1', 8, 12), 'WAVE');
  const chunks = {};
  for (let at = 12; at < octets.length; ) {
    const size = octets.readUInt32LE(at + 4);
    chunks[octets.toString('latin1', at, at + 4)] = { size, content: octets.subarray(at + 8, at + 8 + size) };
    at += 8 + size + (size % 2);
  }
  return { kind: octets.toString('latin1', 0, 4), riffBytes: octets.readUInt32LE(4), length: octets.length, chunks };
}

/** The samples of a file. */
function samplesOf(path, format) {
  const { kind, riffBytes, length, chunks } = chunksOf(path);
  assert.deepEqual([kind, riffBytes], ['RIFF', length - 8]);
  return new VIEWS[format](Uint8Array.from(chunks['data'].content).buffer);
}

/** Read record's last line. */
function ledgerOf(text) {
  const pattern =
    /captured (\d+) = recorded (\d+) \+ left out (\d+); lost (\d+) \(host (\d+), pool (\d+), queue (\d+)\); silence written (\d+)/;
  assert.match(text, pattern);
  const [captured, recorded, left, lost, host, pool, queue, silent] = text.match(pattern).slice(1).map(Number);
  assert.equal(captured, recorded + left);
  assert.equal(lost, host + pool + queue);
  return { captured, recorded, left, lost, silent };
}

// ---- list_devices ----

test('list_devices', async () => {
  const { status, stdout, stderr } = await run('list_devices.js', [], { ACAP_BACKEND: 'sim' });
  assert.deepEqual([status, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n');
  assert.deepEqual(lines[0].trim().split(/\s+/), ['ID', 'NAME', 'HOST', 'API', 'CHANNELS', 'RATE', 'FLAGS']);
  assert.equal(lines.filter((line) => line.startsWith('* sim:')).length, 1);
  const listed = JSON.parse((await run('list_devices.js', ['--json'], { ACAP_BACKEND: 'sim' })).stdout);
  assert.equal(listed.length, lines.length - 1);
  const names = ['id', 'name', 'host_api', 'max_channel_count', 'default_sample_rate_hz', 'low_latency_ns', 'high_latency_ns'];
  assert.deepEqual(Object.keys(listed[0]), [...names, 'default', 'loopback', 'stale']);
});

test('a device cannot write to the terminal', () => {
  const rogue = { id: 'id\x1b[2J', name: 'n\nm', hostApi: 'h\x7f\u202e', maxChannelCount: 1, defaultSampleRateHz: 48_000, flags: 4 };
  assert.match(table([rogue]), /\n {2}id\?\[2J {2}n\?m {3}h\?\? +1 {3}48000 {2}stale$/);
  assert.equal(JSON.parse(json([{ ...rogue, lowLatencyNs: 0n, highLatencyNs: 1n }]))[0].stale, true);
});

test('every program tells its version and its use', async () => {
  for (const [program, name] of [
    ['list_devices.js', 'acap-node-devices'],
    ['record.js', 'acap-node-record'],
    ['fan_out.js', 'acap-node-fan-out'],
  ]) {
    assert.deepEqual(await run(program, ['-V']), { status: 0, stdout: `${name} with acap ${acap.versionString()}\n`, stderr: '' });
    assert.match((await run(program, ['--help'])).stdout, new RegExp(`^usage: ${name} `));
    assert.equal((await run(program, ['--nonsense'])).status, 2);
  }
});

// ---- record ----

for (const [name, format] of Object.entries(acap.Format)) {
  test(`record ${name}`, async () => {
    const path = newPath();
    const options = ['-d', 'sim:counter', '-r', '44100', '-c', '3', '-f', name.toLowerCase(), '-t', '0.25'];
    const { status, stderr } = await run('record.js', [...options, path]);
    assert.equal(status, 0, stderr);
    const samples = samplesOf(path, format);
    assert.equal(samples.byteLength, 11_025 * 3 * acap.formatBytes(format));
    assertInterleaved(samples, 0, 3, format);
    const { recorded, lost, silent } = ledgerOf(stderr);
    assert.deepEqual([recorded, lost, silent], [11_025, 0, 0]);
    const fmt = chunksOf(path).chunks['fmt '].content;
    assert.deepEqual([fmt.readUInt16LE(0), fmt.readUInt16LE(2), fmt.readUInt32LE(4), fmt.length], [0xfffe, 3, 44_100, 40]);
    assert.ok(stderr.includes(`0.250 s, 11025 frames of 3 channels ${name.toLowerCase()} at 44100 Hz`));
  });
}

test('lost frames become silence', () =>
  withStream({}, async ({ stream, openReader }) => {
    const path = newPath();
    const reader = openReader({ queueBuffers: 4, overflow: acap.Overflow.DROP_NEWEST });
    const out = await WavWriter.create(path, stream.info);
    const take = new Take(out, reader.stats.startPosition, 26 * FRAMES + 17);
    for (const count of [4, 10, 1, 7, 5]) {
      stream.simAdvance(count * FRAMES); // what the queue does not hold is lost
      for (let buffer = reader.tryBorrow(); buffer; buffer = reader.tryBorrow()) {
        await take.add(buffer);
        buffer.release();
      }
    }
    assert.equal(take.isFull, false);
    await take.skipTo(reader.stats.endPosition);
    assert.equal(take.isFull, true);
    await out.close();
    const samples = samplesOf(path, F32);
    assert.equal(samples.length, 2 * (26 * FRAMES + 17));
    for (let buffer = 0; buffer < 27; buffer += 1) {
      const part = samples.subarray(2 * buffer * FRAMES, 2 * (buffer + 1) * FRAMES);
      const isLost = (buffer >= 8 && buffer < 14) || (buffer >= 19 && buffer < 22) || buffer >= 26;
      if (isLost) assert.ok(part.every((sample) => sample === 0));
      else assertInterleaved(part, buffer * FRAMES, 2, F32);
    }
    assert.deepEqual([take.framesSilent, take.framesCaptured], [9 * FRAMES + 17, 17 * FRAMES]);
  }));

test('a device that is too fast: the file keeps time all the same, frame by frame', async () => {
  const path = newPath();
  const { status, stderr } = await run('record.js', ['-d', 'sim:counter?pace=fast', '-f', 's32', '-t', '60', path]);
  assert.equal(status, 0, stderr);
  const samples = samplesOf(path, S32);
  assert.equal(samples.length, 2 * 60 * 48_000);
  let silent = 0;
  for (let frame = 0; frame < samples.length / 2; frame += 1) {
    // Channel 1 of the counter is never 0.
    if (samples[2 * frame + 1] === 0 && samples[2 * frame] === 0) silent += 1;
    else assertInterleaved(samples.subarray(2 * frame, 2 * frame + 2), frame, 2, S32);
  }
  const ledger = ledgerOf(stderr);
  assert.equal(ledger.recorded + ledger.silent, samples.length / 2);
  assert.equal(ledger.silent, silent);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`${signal} ends the file properly`, async () => {
    const path = newPath();
    const child = spawn(process.execPath, [join(PACKAGE, 'bin', 'record.js'), '-d', 'sim:counter', path], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const ended = new Promise((resolve) => child.on('close', (status, killer) => resolve([status, killer])));
    await until(() => child.exitCode !== null || (existsSync(path) && statSync(path).size > 100_000)); // several wake-ups
    child.kill(signal);
    assert.deepEqual(await ended, [0, null], stderr);
    const samples = samplesOf(path, S16);
    const { recorded, captured, lost } = ledgerOf(stderr);
    assert.deepEqual([recorded, lost], [captured, 0]);
    assert.equal(samples.length, 2 * recorded);
    assertInterleaved(samples, 0, 2, S16);
  });
}

test('record fails with a reason', async () => {
  const out = newPath();
  const cases = [
    [['-d', 'no such device', out], 1, /no such device.*ACAP_ERROR_NO_DEVICE/],
    [['-d', 'sim:sine?fail=start', '-t', '1', out], 1, /ACAP_ERROR/],
    [['-d', 'sim:sine', '-t', '0.1', join(directory, 'no', 'out.wav')], 1, /no such file/],
    [['-d', 'sim:sine', '-t', '0.5', '/dev/full'], 1, /no space left/],
    [['-d', 'sim:sine', '-t', 'never', out], 2, /no time/],
    [['-d', 'sim:sine', '-f', 's20', out], 2, /no format/],
    [['-d', 'sim:sine', '-c', '0', out], 2, /no positive number/],
    [['-d', 'sim:sine', out, 'more'], 2, /no use for more/],
    [[], 2, /required/],
  ];
  for (const [parameters, expected, words] of cases) {
    const { status, stderr } = await run('record.js', parameters, { ACAP_BACKEND: 'sim' });
    assert.equal(status, expected, stderr);
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

// ---- fan_out ----

test('fan_out', async () => {
  const path = newPath();
  const { status, stdout, stderr } = await run('fan_out.js', ['-d', 'sim:counter', '-t', '0.5', path]);
  assert.deepEqual([status, stderr], [0, '']);
  const samples = samplesOf(path, S16);
  assert.equal(samples.length, 48_000);
  assertInterleaved(samples, 0, 2, S16);
  const found = stdout.match(/checksum: crc32 ([0-9a-f]{8}) of 24000 frames/);
  // The trailer of a gzip stream has the CRC-32 of what was packed.
  const trailer = zlib.gzipSync(new Uint8Array(samples.buffer)).subarray(-8);
  assert.equal(parseInt(found[1], 16), trailer.readUInt32LE(0));
  assert.match(stdout, /meter: channel 1 peak -2\.7 dB/);
  const ledgers = stdout.matchAll(
    /ledger of (\w+): from (\d+) \+ delivered (\d+) \+ lost (\d+) \(stream (\d+), queue (\d+)\) \+ queued (\d+) = (\d+)/g,
  );
  const names = [];
  for (const [, name, ...figures] of ledgers) {
    const [start, delivered, lost, stream, queue, queued, end] = figures.map(Number);
    assert.equal(start + delivered + lost + queued, end);
    assert.equal(lost, stream + queue);
    assert.equal(lost, 0);
    names.push(name);
  }
  assert.deepEqual(names, ['file', 'meter', 'checksum']);
});

test('fan_out fails with a reason', async () => {
  const failing = await run('fan_out.js', ['-d', 'sim:sine?fail=start', newPath()]);
  assert.equal(failing.status, 1);
  assert.match(failing.stderr, /ACAP_ERROR/);
  const full = await run('fan_out.js', ['-d', 'sim:sine', '-t', '1', '/dev/full']);
  assert.equal(full.status, 1);
  assert.match(full.stderr, /no space left/);
});

// ---- files ----

test('a file beyond 4 GB is RF64', async () => {
  const path = newPath();
  const out = await WavWriter.create(path, { format: S16, sampleRateHz: 48_000, channelCount: 2 });
  await out.write(new Uint8Array(400));
  out.framesWritten += 2 ** 31;
  await out.close();
  const { kind, riffBytes, chunks } = chunksOf(path);
  assert.deepEqual([kind, riffBytes, chunks.data.size], ['RF64', 2 ** 32 - 1, 2 ** 32 - 1]);
  const [riff, data, frames] = [0, 8, 16].map((at) => Number(chunks.ds64.content.readBigUInt64LE(at)));
  assert.deepEqual([data, frames * 4, riff], [2 ** 33 + 400, data, data + 4 + 36 + 24 + 8]);
});

test('a file of odd length', async () => {
  const path = newPath();
  const out = await WavWriter.create(path, { format: U8, sampleRateHz: 8000, channelCount: 1 });
  await out.writeSilence(3);
  await out.close();
  assert.deepEqual([...samplesOf(path, U8)], [128, 128, 128]);
});

test('a file that is never closed plays', async () => {
  const path = newPath();
  const out = await WavWriter.create(path, { format: F32, sampleRateHz: 8000, channelCount: 1 });
  for (let i = 0; i < 20; i += 1) await out.write(new Uint8Array(4 * 1000));
  const { chunks } = chunksOf(path);
  assert.deepEqual([chunks.data.size, chunks.fact.content.readUInt32LE(0)], [16_000 * 4, 16_000]);
  await out.close();
});

test('a write is over when the buffer is released', () =>
  withStream({}, async ({ stream, pool, openReader }) => {
    const path = newPath();
    const reader = openReader({ queueBuffers: 2, holdBuffers: 1 });
    const out = await WavWriter.create(path, stream.info);
    const take = new Take(out, 0);
    for (let i = 0; i < 200; i += 1) {
      stream.simAdvance(FRAMES);
      const buffer = reader.tryBorrow();
      const written = take.add(buffer).finally(() => buffer.release());
      await written;
      stream.simAdvance(FRAMES); // writes into what was just released
      drain(reader);
    }
    await out.close();
    assert.ok(pool.stats.recycled > 300);
    const samples = samplesOf(path, F32);
    for (let i = 0; i < 200; i += 1) assertInterleaved(samples.subarray(4 * i * FRAMES, (4 * i + 2) * FRAMES), 2 * i * FRAMES, 2, F32);
  }));

// ---- documentation ----

const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
const examples = [...readme.matchAll(/```(js|mjs)\n([^]*?)```/g)];

test('the README has examples', () => assert.ok(examples.length >= 3));

for (const [index, [, kind, text]] of examples.entries()) {
  test(`the README's example ${index + 1}`, async () => {
    const parameters = ['--expose-gc', `--input-type=${kind === 'mjs' ? 'module' : 'commonjs'}`, '-e', text];
    const { status, stdout, stderr } = await runNode(parameters, { env: { ACAP_BACKEND: 'sim' } });
    assert.deepEqual([status, stderr], [0, ''], text);
    assert.notEqual(stdout, '');
  });
}
