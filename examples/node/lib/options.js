// SPDX-License-Identifier: MIT
'use strict';
// Options: which there are, and that there are no others. The addon checks their values.

const { native } = require('./native.js');

const LAYOUT = native.layout();

/** Names of a struct's members in JavaScript. */
function namesOf(struct) {
  return LAYOUT[struct].fields.map((field) => field.name).filter(Boolean);
}

const ALLOWED = {
  context: new Set(namesOf('acap_context_config')),
  stream: new Set([...namesOf('acap_stream_config').filter((name) => name !== 'flags'), 'planar', 'lockMemory']),
  reader: new Set([...namesOf('acap_reader_config'), 'copy']),
  pool: new Set([...namesOf('acap_pool_config').filter((name) => name !== 'flags'), 'lockMemory']),
  borrow: new Set(['timeoutMs', 'signal']),
};

/** Refuse what is no object, and options that do not exist: a misspelt one would be ignored without a word. */
function checkOptions(kind, options) {
  if (options === null || typeof options !== 'object') throw new TypeError(`the options of a ${kind} must be an object`);
  for (const name of Object.keys(options)) {
    if (!ALLOWED[kind].has(name)) {
      throw new TypeError(`a ${kind} has no option "${name}"; there are ${[...ALLOWED[kind]].join(', ')}`);
    }
  }
  return options;
}

/** Add up flags of which each is a true or false option. */
function flagsOf(options, flags) {
  let sum = 0;
  for (const [name, flag] of Object.entries(flags)) {
    if (options[name] !== undefined && typeof options[name] !== 'boolean') throw new TypeError(`${name} must be true or false`);
    if (options[name]) sum |= flag;
  }
  return sum;
}

module.exports = { LAYOUT, checkOptions, flagsOf };
