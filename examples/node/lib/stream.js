// SPDX-License-Identifier: MIT
'use strict';
// Streams: opened devices.

const { VIEWS } = require('./buffer.js');
const { StreamFlags } = require('./constants.js');
const { native, symbolDispose } = require('./native.js');
const { checkOptions, flagsOf } = require('./options.js');
const { adoptPool, handleOfPool } = require('./pool.js');
const { Reader, readerOptions } = require('./reader.js');

/** Options, or just a device, as the addon wants them: the struct's members, and the pool. */
function streamArguments(options = {}) {
  const all = checkOptions('stream', typeof options === 'string' ? { device: options } : options);
  const flags = flagsOf(all, { planar: StreamFlags.PLANAR, lockMemory: StreamFlags.LOCK_MEMORY });
  return [{ ...all, flags }, all.pool == null ? undefined : handleOfPool(all.pool)];
}

/** One opened device. `Context.openStream` makes streams. */
class Stream {
  #handle;
  #context;
  #pool = null;
  #format;

  /** For `Context.openStream`. */
  constructor(context, handle) {
    this.#context = context;
    this.#handle = handle;
    this.#format = native.streamInfo(handle).format;
  }

  /** The context that it was opened in, which lives at least as long as the stream. */
  get context() {
    return this.#context;
  }

  /** Open a reader, whether the stream runs or not. */
  openReader(options = {}) {
    const { copy, ...config } = readerOptions(options);
    return new Reader(native.streamOpenReader(this.#handle, config), { copy, stream: this });
  }

  /** Start capturing. After a stop positions go on and the same readers continue. */
  async start() {
    await native.streamStart(this.#handle);
  }

  /** Stop capturing. What was captured can still be borrowed; then comes the end. */
  async stop() {
    await native.streamStop(this.#handle);
  }

  /** What was really opened. */
  get info() {
    return native.streamInfo(this.#handle);
  }

  /** The stream's figures now. */
  get stats() {
    return native.streamStats(this.#handle);
  }

  /** The pool that it fills. */
  get pool() {
    if (this.#pool === null || this.#pool.closed) this.#pool = adoptPool(native.streamPool(this.#handle));
    return this.#pool;
  }

  /** Feed a "push:" stream: the program is the device. */
  push(frames, { timeNs = 0n } = {}) {
    native.streamPush(this.#handle, this.#bytesOf(frames), timeNs);
  }

  /** Tell a "push:" stream that frames were lost. */
  pushLost(frameCount, { timeNs = 0n } = {}) {
    native.streamPushLost(this.#handle, frameCount, timeNs);
  }

  /** Let a "sim:" stream with pace=manual capture, in virtual time. */
  simAdvance(frameCount) {
    native.streamSimAdvance(this.#handle, frameCount);
  }

  /** Whether `close` was called. */
  get closed() {
    return native.isClosed(this.#handle);
  }

  /** Close it and end its readers. Never waits for the sound system. */
  close() {
    native.close(this.#handle);
  }

  [symbolDispose]() {
    this.close();
  }

  /** Bytes are taken as they are; numbers must be in the type of the stream's samples. */
  #bytesOf(frames) {
    if (frames instanceof ArrayBuffer) return new Uint8Array(frames);
    const View = VIEWS[this.#format];
    if (frames instanceof Uint8Array || frames instanceof DataView || frames instanceof View) {
      return new Uint8Array(frames.buffer, frames.byteOffset, frames.byteLength);
    }
    throw new TypeError(`frames must be a ${View.name}, or bytes`);
  }
}

module.exports = { Stream, streamArguments };
