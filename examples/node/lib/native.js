// SPDX-License-Identifier: MIT
'use strict';
// The addon, and the memory in which it hands over the header of the buffer that it made last.

const { AcapError } = require('./errors.js');

const NUMBERS = 12;
const TIMES = 2;

function load() {
  try {
    return require('../build/acap.node');
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') {
      error.message = 'the addon of acap was not built: run "npm rebuild acap" or "npm run build"';
    }
    throw error;
  }
}

const native = load();
const header = new ArrayBuffer(8 * (NUMBERS + TIMES));
native.connect(AcapError, header);

module.exports = {
  native,
  headerNumbers: new Float64Array(header, 0, NUMBERS),
  headerTimes: new BigInt64Array(header, 8 * NUMBERS, TIMES),
  // Node.js 18 before 18.18 has no Symbol.dispose; transpilers agree on this name in its place.
  symbolDispose: Symbol.dispose ?? Symbol.for('Symbol.dispose'),
};
