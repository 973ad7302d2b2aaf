// SPDX-License-Identifier: MIT
'use strict';
// The binding against the installed header: functions, structs, numbers.

const assert = require('node:assert/strict');
const { readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');
const { describe, test } = require('node:test');
const acap = require('acap');
const { PACKAGE } = require('./support.js');

const INCLUDE = process.env.ACAP_INCLUDE_DIR;
const native = require(join(PACKAGE, 'build', 'acap.node'));
const skip = INCLUDE ? false : 'ACAP_INCLUDE_DIR does not name the directory that has acap/acap.h';
const withoutComments = (text) => text.replace(/\/\*[^]*?\*\//g, '');
const header = INCLUDE ? withoutComments(readFileSync(join(INCLUDE, 'acap', 'acap.h'), 'utf8')) : '';

const CONSTANTS = {
  ACAP_BUFFER_: acap.BufferFlags,
  ACAP_DEVICE_: acap.DeviceFlags,
  ACAP_EVENT_: acap.EventType,
  ACAP_FORMAT_: acap.Format,
  ACAP_LEVEL_: acap.Level,
  ACAP_ON_LOST_: acap.OnDeviceLost,
  ACAP_OVERFLOW_: acap.Overflow,
  ACAP_POOL_: acap.PoolFlags,
  ACAP_STATE_: acap.StreamState,
  ACAP_STREAM_: acap.StreamFlags,
};
const SIZES = { uint32_t: 4, uint64_t: 8, int64_t: 8, double: 8 };

function numbers() {
  const found = header.matchAll(/^#define (ACAP_\w+) \(?(-?\d+)u?\)?\s*$/gm);
  return new Map([...found].map(([, name, number]) => [name, Number(number)]));
}

/** Members as declared: [name, declared size or undefined, declared type]. */
function membersOf(struct) {
  const [, body] = header.match(new RegExp(`typedef struct ${struct} \\{([^]*?)\\} ${struct};`));
  const members = [];
  for (const declaration of body.replace(/ACAP_PAD32\(\w+\)/g, '').split(';')) {
    const found = declaration.trim().match(/^([\w\s]+?[\s*]+)(\w+(?:\s*,\s*\w+)*)(?:\[(\d+)\])?$/);
    if (!found) continue;
    const type = found[1].trim();
    const size = type.includes('*') ? 8 : type === 'char' ? Number(found[3]) : SIZES[type];
    found[2].split(',').forEach((name) => members.push({ name: name.trim(), size, type }));
  }
  return members;
}

describe('the header', { skip }, () => {
  test('every function is called by the addon', () => {
    const declared = [...header.matchAll(/ACAP_CALL\s+(acap_\w+)\(/g)].map(([, name]) => name);
    assert.ok(declared.length > 40);
    const sources = readdirSync(join(PACKAGE, 'native')).filter((name) => name.endsWith('.c'));
    const text = sources.map((name) => withoutComments(readFileSync(join(PACKAGE, 'native', name), 'utf8'))).join('\n');
    const uncalled = declared.filter((name) => !new RegExp(`\\b${name}\\(`).test(text));
    assert.deepEqual(uncalled, []);
  });

  test('every struct has its table, and every member its name and size', () => {
    const layout = native.layout();
    const declared = [...header.matchAll(/typedef struct (acap_\w+) \{/g)].map(([, name]) => name);
    assert.deepEqual(Object.keys(layout).sort(), declared.sort());
    for (const struct of declared) {
      const members = membersOf(struct).filter(({ name }) => name !== 'struct_size' && name !== 'reserved');
      const fields = new Map(layout[struct].fields.map((field) => [field.member, field]));
      assert.deepEqual([...fields.keys()].sort(), members.map(({ name }) => name).sort(), struct);
      for (const { name, size } of members) assert.equal(fields.get(name).size, size, `${struct}.${name}`);
    }
  });

  test('structs have no holes that a member could be missing from', () => {
    for (const [struct, { size, fields }] of Object.entries(native.layout())) {
      const unlisted = membersOf(struct).filter(({ name }) => name === 'struct_size' || name === 'reserved');
      const sum = [...fields, ...unlisted].reduce((bytes, member) => bytes + member.size, 0);
      assert.ok(size - sum >= 0 && size - sum < 8, `${struct} has ${size} bytes, its members ${sum}`);
    }
  });

  test('names are those of C in the way of JavaScript, and nanoseconds are BigInts', () => {
    for (const { fields } of Object.values(native.layout())) {
      for (const { member, name } of fields.filter((field) => field.name && field.member !== 'data')) {
        assert.equal(name, member.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()));
      }
    }
  });

  for (const [prefix, constants] of Object.entries(CONSTANTS)) {
    test(`numbers of ${prefix}*`, () => {
      const declared = [...numbers()].filter(([name]) => name.startsWith(prefix));
      assert.deepEqual({ ...constants }, Object.fromEntries(declared.map(([name, value]) => [name.slice(prefix.length), value])));
    });
  }

  test('results and limits', () => {
    const isResult = (name) => /^ACAP_(ERROR_\w+|OK|TIMED_OUT|END|INTERRUPTED)$/.test(name);
    const isLimit = (name) => /^ACAP_(MIN|MAX)_/.test(name);
    const bare = (isSo) => Object.fromEntries([...numbers()].filter(([name]) => isSo(name)).map(([n, v]) => [n.slice(5), v]));
    assert.deepEqual({ ...acap.Result }, bare(isResult));
    assert.deepEqual({ ...acap.Limits }, bare(isLimit));
    for (const [name, value] of Object.entries(acap.Result)) assert.equal(acap.resultName(value), `ACAP_${name}`);
  });

  test('no constant of the header is left out', () => {
    const known = [...Object.keys(CONSTANTS), 'ACAP_ERROR_', 'ACAP_MIN_', 'ACAP_MAX_'];
    const others = [...numbers().keys()].filter((name) => !known.some((prefix) => name.startsWith(prefix)));
    // A wait without a limit is one without timeoutMs.
    assert.deepEqual(others.sort(), ['ACAP_END', 'ACAP_INTERRUPTED', 'ACAP_OK', 'ACAP_TIMED_OUT', 'ACAP_WAIT_FOREVER']);
  });
});

test('the types name every constant with its number, and every figure', () => {
  const types = readFileSync(join(PACKAGE, 'lib', 'index.d.ts'), 'utf8');
  for (const [name, constants] of Object.entries(acap).filter(([, value]) => Object.isFrozen(value) && typeof value === 'object')) {
    const [, body] = types.match(new RegExp(`declare const ${name}: \\{([^]*?)\\};`));
    const typed = [...body.matchAll(/readonly (\w+): (-?\d+)/g)].map(([, member, value]) => [member, Number(value)]);
    assert.deepEqual(Object.fromEntries(typed), { ...constants }, name);
  }
  const kinds = {
    acap_stream_stats: 'interface StreamStats ',
    acap_reader_stats: 'interface ReaderStats ',
    acap_pool_stats: 'interface PoolStats ',
    acap_stream_info: 'interface StreamInfo<',
    acap_device_info: 'interface DeviceInfo ',
    acap_event: 'interface Event ',
    acap_levels: 'interface Levels ',
  };
  const layout = native.layout();
  for (const [struct, kind] of Object.entries(kinds)) {
    const [, body] = types.match(new RegExp(`${kind}[^{]*\\{([^]*?)\\n\\}`));
    const typed = [...body.matchAll(/readonly (\w+): ([^;]+);/g)];
    const named = layout[struct].fields.filter(({ name }) => name).map(({ name }) => name);
    assert.deepEqual(typed.map(([, name]) => name).sort(), named.sort(), struct);
    for (const [, name, type] of typed) assert.equal(type === 'bigint', /Ns($|[A-Z])/.test(name), name);
  }
});

test('import and require give the same classes', async () => {
  const imported = await import('acap');
  assert.equal(imported.default, acap);
  assert.deepEqual(Object.keys(imported).filter((name) => name !== 'default').sort(), Object.keys(acap).sort());
  for (const [name, value] of Object.entries(acap)) assert.equal(imported[name], value);
});

test('version', () => {
  const [major, minor, patch] = acap.versionString().split('.').map(Number);
  assert.equal(acap.version(), (major << 16) | (minor << 8) | patch);
  assert.equal(require('acap/package.json').version, acap.versionString());
});
