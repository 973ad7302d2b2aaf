// SPDX-License-Identifier: MIT
'use strict';
// Pools of buffers.

const { makeBuffer } = require('./buffer.js');
const { PoolFlags } = require('./constants.js');
const { native, symbolDispose } = require('./native.js');
const { checkOptions, flagsOf } = require('./options.js');

/** For this package: the addon's object of a Pool. */
const handleOfPool = (pool) => Pool.handleOf(pool);

/** The owner of buffers: a stream's own, or one to share between streams or to use alone. */
class Pool {
  #handle;

  constructor(options) {
    // What this package passes is an object of the addon.
    if (options instanceof Adopted) {
      this.#handle = options.handle;
      return;
    }
    checkOptions('pool', options);
    this.#handle = native.poolCreate({ ...options, flags: flagsOf(options, { lockMemory: PoolFlags.LOCK_MEMORY }) });
  }

  static handleOf(pool) {
    if (!(pool instanceof Pool)) throw new TypeError('pool must be a Pool');
    return pool.#handle;
  }

  /** Take a free buffer; its header is empty, its memory is plain bytes. */
  acquire() {
    return makeBuffer(native.poolAcquire(this.#handle));
  }

  /** Make another Pool object of the same pool, to be closed on its own. */
  retain() {
    return adoptPool(native.poolRetain(this.#handle));
  }

  /** The pool's figures now. */
  get stats() {
    return native.poolStats(this.#handle);
  }

  /** Whether `close` was called. */
  get closed() {
    return native.isClosed(this.#handle);
  }

  /** Give the pool back; its memory goes with the last user and the last buffer. */
  close() {
    native.close(this.#handle);
  }

  [symbolDispose]() {
    this.close();
  }
}

class Adopted {
  constructor(handle) {
    this.handle = handle;
  }
}

/** Make the Pool of what the addon has just returned. */
function adoptPool(handle) {
  return new Pool(new Adopted(handle));
}

module.exports = { Pool, adoptPool, handleOfPool };
