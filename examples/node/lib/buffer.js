// SPDX-License-Identifier: MIT
'use strict';
// Borrowed buffers.

const { inspect } = require('node:util');
const { Format, Result } = require('./constants.js');
const { AcapError } = require('./errors.js');
const { headerNumbers, headerTimes, native, symbolDispose } = require('./native.js');

const MAKER = Symbol('what only this package has');
const TIME_UNKNOWN_NS = 2n ** 63n - 1n;
const VIEWS = {
  [Format.S16]: Int16Array,
  [Format.S24]: Uint8Array, // there is no 24-bit type: three bytes a sample
  [Format.S32]: Int32Array,
  [Format.F32]: Float32Array,
  [Format.U8]: Uint8Array,
};

/**
 * A run of consecutive frames that was captured once and copied for nobody. Readers and pools make them.
 *
 * `samples` is the very memory that was captured into, and `release()` gives it back: every view of it then has length 0.
 * Forgotten, the garbage collector gives it back. What the header says stays readable.
 */
class Buffer {
  #arrayBuffer;
  #id;
  #samples = null;
  #isReleased = false;

  constructor(maker, arrayBuffer) {
    if (maker !== MAKER) throw new TypeError('readers and pools make buffers');
    this.#arrayBuffer = arrayBuffer;
    this.#id = headerNumbers[0];
    this.flags = headerNumbers[1];
    this.position = headerNumbers[2];
    this.lostBefore = headerNumbers[3];
    this.frameCount = headerNumbers[4];
    this.sizeBytes = headerNumbers[5];
    this.sampleRateHz = headerNumbers[6];
    this.channelCount = headerNumbers[7];
    this.format = headerNumbers[8] === 0 ? null : headerNumbers[8];
    this.planeStrideBytes = headerNumbers[9];
    this.isCopy = headerNumbers[10] !== 0;
    this.timeNs = headerTimes[0];
    this.timeErrorNs = headerTimes[1] === TIME_UNKNOWN_NS ? null : headerTimes[1];
  }

  // ---- giving back ----

  /** Give the buffer back now; its memory detaches from every view. */
  release() {
    this.#checkHeld();
    native.bufferRelease(this.#id, this.#arrayBuffer);
    this.#isReleased = true;
  }

  /** Whether this object has given the buffer back. */
  get released() {
    return this.#isReleased;
  }

  /** For `using`: release, unless that was done. */
  [symbolDispose]() {
    if (!this.#isReleased) this.release();
  }

  /** Make another Buffer of the same memory, to be released on its own. */
  retain() {
    this.#checkHeld();
    return new Buffer(MAKER, native.bufferRetain(this.#id, this.isCopy));
  }

  /** References at this moment, those of other readers included; for tests and debugging. */
  get referenceCount() {
    this.#checkHeld();
    return native.bufferReferenceCount(this.#id);
  }

  // ---- data ----

  /** The memory itself: interleaved frames, or planar planes that begin `planeStrideBytes` apart. */
  get arrayBuffer() {
    this.#checkHeld();
    return this.#arrayBuffer;
  }

  /** The memory in the type of its samples; S24, and what came straight from a pool, as bytes. */
  get samples() {
    this.#checkHeld();
    this.#samples ??= new (VIEWS[this.format] ?? Uint8Array)(this.#arrayBuffer);
    return this.#samples;
  }

  /** The memory as bytes. */
  get bytes() {
    return new Uint8Array(this.arrayBuffer);
  }

  /** One channel's samples, of a planar or a mono buffer: where channels take turns no view can have just one. */
  channel(index) {
    this.#checkHeld();
    if (!Number.isInteger(index) || index < 0 || index >= this.channelCount) {
      throw new RangeError(`channel ${index} is none of ${this.channelCount}`);
    }
    if (this.planeStrideBytes === 0 && this.channelCount > 1) {
      throw new TypeError('the channels of this buffer take turns: open the stream with planar: true');
    }
    const View = VIEWS[this.format];
    const planeBytes = this.frameCount * native.formatBytes(this.format);
    return new View(this.#arrayBuffer, index * this.planeStrideBytes, planeBytes / View.BYTES_PER_ELEMENT);
  }

  /** The memory to write to, as the only holder. */
  writable() {
    this.#checkHeld();
    if (!this.isCopy && !native.bufferIsWritable(this.#id)) {
      throw new AcapError(Result.ERROR_INVALID_STATE, 'ERR_ACAP_SHARED', 'only the only holder of a buffer may write to it');
    }
    return this.samples;
  }

  /** Measure peak and rms of each channel, clipped and silent samples. */
  measure() {
    this.#checkHeld();
    const peak = new Float32Array(this.channelCount);
    const rms = new Float32Array(this.channelCount);
    const { clipped, zeros } = native.bufferMeasure(this.#id, peak, rms);
    return { peak, rms, clipped, zeros };
  }

  // ---- the rest ----

  #checkHeld() {
    if (this.#isReleased) {
      throw new AcapError(Result.ERROR_INVALID_STATE, 'ERR_ACAP_RELEASED', 'the buffer was released already');
    }
  }

  [inspect.custom]() {
    const what = this.#isReleased ? 'released' : this.isCopy ? 'a copy' : 'borrowed';
    return `Buffer { position ${this.position}, ${this.frameCount} x ${this.channelCount}, ${what} }`;
  }
}

/** Make the Buffer of what the addon has just returned. */
function makeBuffer(arrayBuffer) {
  return new Buffer(MAKER, arrayBuffer);
}

module.exports = { Buffer, VIEWS, makeBuffer };
