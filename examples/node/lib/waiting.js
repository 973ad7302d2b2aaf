// SPDX-License-Identifier: MIT
'use strict';
// Waiting for a reader or a context. The event loop polls the library's wait handle; nothing runs meanwhile.

const { setImmediate: nextTurn } = require('node:timers/promises');
const { Result } = require('./constants.js');
const { AcapError } = require('./errors.js');
const { native } = require('./native.js');
const { checkOptions } = require('./options.js');

const LONGEST_TIMER_MS = 2 ** 31 - 1;
// After so many takes that did not have to wait, timers and sockets get their turn: settled promises alone would starve them.
const UNWAITED_MAX = 64;

/** The one who waits for an object, if there is one. */
class Waiting {
  #handle;
  #keepsAlive = true;
  #pending = null;
  #unwaited = 0;

  constructor(handle) {
    this.#handle = handle;
  }

  /**
   * Give what `take` gives, as soon as that is not undefined.
   *
   * @param {() => any} take takes what is there, without waiting
   * @param {{timeoutMs?: number, signal?: AbortSignal}} options
   */
  async next(take, options = {}) {
    const { timeoutMs = Infinity, signal } = checkOptions('borrow', options);
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) throw new RangeError(`timeoutMs cannot be ${timeoutMs}`);
    if (this.#unwaited >= UNWAITED_MAX) {
      this.#unwaited = 0;
      await nextTurn();
    }
    signal?.throwIfAborted();
    const deadline = performance.now() + timeoutMs;
    let isInTime = timeoutMs > 0;
    for (;;) {
      const taken = take();
      if (taken !== undefined) {
        this.#unwaited += 1;
        return taken;
      }
      if (!isInTime) throw new AcapError(Result.TIMED_OUT, 'ACAP_TIMED_OUT', native.resultText(Result.TIMED_OUT));
      this.#unwaited = 0;
      isInTime = await this.#sleep(deadline, signal);
    }
  }

  /** Sleep until there may be something; false: too late. */
  #sleep(deadline, signal) {
    if (this.#pending !== null) {
      throw new AcapError(Result.ERROR_INVALID_STATE, 'ERR_ACAP_BUSY', 'somebody else waits for the same object');
    }
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        this.#pending = null;
        clearTimeout(pending.timer);
        signal?.removeEventListener('abort', onAbort);
        native.waitStop(this.#handle);
        settle(value);
      };
      const onAbort = () => finish(reject, signal.reason);
      const pending = { timer: undefined, wake: () => finish(resolve, true) };
      native.waitStart(this.#handle, pending.wake, this.#keepsAlive);
      this.#pending = pending;
      signal?.addEventListener('abort', onAbort, { once: true });
      if (deadline < Infinity) {
        const onTime = () => finish(resolve, performance.now() < deadline);
        pending.timer = setTimeout(onTime, Math.min(Math.ceil(deadline - performance.now()), LONGEST_TIMER_MS));
        if (!this.#keepsAlive) pending.timer.unref();
      }
    });
  }

  /** Whether somebody waits. */
  get isBusy() {
    return this.#pending !== null;
  }

  /** Let whoever waits look again: the object was closed. */
  wake() {
    this.#pending?.wake();
  }

  /** Say whether waiting keeps the process alive. */
  keepAlive(isSo) {
    this.#keepsAlive = isSo;
    if (this.#pending === null) return;
    native.waitKeepAlive(this.#handle, isSo);
    if (isSo) this.#pending.timer?.ref();
    else this.#pending.timer?.unref();
  }
}

module.exports = { Waiting };
