// SPDX-License-Identifier: MIT
'use strict';
// acap: audio capture that hands buffers on without copying and never hides a loss.

const constants = require('./constants.js');
const { Buffer } = require('./buffer.js');
const { Context } = require('./context.js');
const { AcapError } = require('./errors.js');
const { native } = require('./native.js');
const { Pool } = require('./pool.js');
const { Reader } = require('./reader.js');
const { Stream } = require('./stream.js');

module.exports = {
  ...constants,
  AcapError,
  Buffer,
  Context,
  Pool,
  Reader,
  Stream,
  /** Whether buffers are shown without a copy here; Electron and others with V8's sandbox do not allow it. */
  externalBuffers: native.externalBuffers,
  /** Buffers that this thread's objects hold now. */
  buffersHeld: native.buffersHeld,
  /** The clock of every `timeNs`. */
  clockNs: native.clockNs,
  /** Bytes of one sample of one channel; 0 for an unknown format. */
  formatBytes: native.formatBytes,
  /** A result's name, such as 'ACAP_ERROR_NO_DEVICE'. */
  resultName: native.resultName,
  /** A result in one sentence. */
  resultText: native.resultText,
  /** The version of the library that runs: major << 16 | minor << 8 | patch. */
  version: native.version,
  /** The version of the library that runs, as text. */
  versionString: native.versionString,
};
