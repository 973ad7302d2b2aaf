// SPDX-License-Identifier: MIT
'use strict';
// Readers: the consumers of a stream.

const { makeBuffer } = require('./buffer.js');
const { Result } = require('./constants.js');
const { AcapError } = require('./errors.js');
const { native, symbolDispose } = require('./native.js');
const { checkOptions } = require('./options.js');
const { Waiting } = require('./waiting.js');

/** Tell the library's options from this package's own. */
function readerOptions(options) {
  const { copy = false, ...config } = checkOptions('reader', options);
  if (typeof copy !== 'boolean') throw new TypeError('copy must be true or false');
  return { copy, ...config };
}

/** One consumer of a stream. `Stream.openReader` makes readers. */
class Reader {
  #handle;
  #stream;
  #copies;
  #waiting;

  /**
   * For `Stream.openReader` and `Reader.takeOver`.
   *
   * @param {object} handle the addon's object
   * @param {{copy: boolean, stream: object | null}} rest the Stream lives at least as long as the reader
   */
  constructor(handle, { copy, stream }) {
    native.readerStats(handle); // refuses what is no reader
    this.#handle = handle;
    this.#stream = stream;
    this.#copies = copy;
    this.#waiting = new Waiting(handle);
  }

  /** Take a reader that another thread handed over. */
  static takeOver(ticket) {
    const { token, copy } = ticket;
    return new Reader(native.readerTakeOver(token), { copy: copy === true, stream: null });
  }

  /** Give the reader to another thread: this object is closed, and the ticket goes there by postMessage. */
  handOver() {
    if (this.#waiting.isBusy) {
      throw new AcapError(Result.ERROR_INVALID_STATE, 'ERR_ACAP_BUSY', 'somebody waits for this reader');
    }
    return { token: native.readerHandOver(this.#handle), copy: this.#copies };
  }

  /** The stream that it reads; null where it was taken over from another thread. */
  get stream() {
    return this.#stream;
  }

  // ---- borrowing ----

  /** Borrow the next buffer without waiting; undefined: nothing is queued; null: the end. */
  tryBorrow() {
    const arrayBuffer = native.readerBorrow(this.#handle, this.#copies);
    return arrayBuffer ? makeBuffer(arrayBuffer) : arrayBuffer;
  }

  /** Borrow the next buffer; null: the end. */
  borrow(options) {
    return this.#waiting.next(() => this.tryBorrow(), options);
  }

  /** Each buffer, yours to release; ends with the stream or the reader. */
  [Symbol.asyncIterator]() {
    return {
      next: async () => {
        const value = await this.borrow();
        return value === null ? { done: true, value: undefined } : { done: false, value };
      },
      return: async (value) => ({ done: true, value }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Each buffer, released when the loop goes on or ends, however it ends, unless that was done. */
  async *loans(options) {
    for (;;) {
      const buffer = await this.borrow(options);
      if (buffer === null) return;
      try {
        yield buffer;
      } finally {
        if (!buffer.released) buffer.release();
      }
    }
  }

  // ---- ending ----

  /** Make the current or the next borrow fail with ACAP_INTERRUPTED, once. */
  interrupt() {
    native.readerInterrupt(this.#handle);
  }

  /** Let it get no more buffers; what is queued can still be borrowed. */
  end() {
    native.readerEnd(this.#handle);
  }

  // ---- the rest ----

  /** The reader's figures now. */
  get stats() {
    return native.readerStats(this.#handle);
  }

  /** Let waiting keep the process alive, which is so from the start. */
  ref() {
    this.#waiting.keepAlive(true);
    return this;
  }

  /** Let the process end although somebody waits. */
  unref() {
    this.#waiting.keepAlive(false);
    return this;
  }

  /** Whether `close` was called. */
  get closed() {
    return native.isClosed(this.#handle);
  }

  /** Close it; what is queued goes back to the pool, what was borrowed stays valid. */
  close() {
    native.close(this.#handle);
    this.#waiting.wake();
  }

  [symbolDispose]() {
    this.close();
  }
}

module.exports = { Reader, readerOptions };
