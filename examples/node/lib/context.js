// SPDX-License-Identifier: MIT
'use strict';
// Contexts: where devices are listed, streams opened and events told.

const { native, symbolDispose } = require('./native.js');
const { checkOptions } = require('./options.js');
const { Stream, streamArguments } = require('./stream.js');
const { Waiting } = require('./waiting.js');

/** A set of streams with one default back end. */
class Context {
  #handle;
  #waiting;

  constructor(options = {}) {
    this.#handle = native.contextCreate(checkOptions('context', options));
    this.#waiting = new Waiting(this.#handle);
  }

  /** List the capture devices, asked afresh of the host where it can. */
  async devices() {
    return native.contextDevices(this.#handle);
  }

  /** Open a device. It captures nothing before `Stream.start`. */
  async openStream(options) {
    return new Stream(this, await native.contextOpenStream(this.#handle, ...streamArguments(options)));
  }

  /** Fail as `openStream` would, in so far as that can be known without opening. */
  async checkSupported(options) {
    await native.contextCheckSupported(this.#handle, ...streamArguments(options));
  }

  // ---- events ----

  /** Take the oldest event, if there is one. */
  tryNextEvent() {
    return native.contextNextEvent(this.#handle);
  }

  /** Take the oldest event; at most 256 wait. */
  nextEvent(options) {
    return this.#waiting.next(() => this.tryNextEvent(), options);
  }

  /** Each event, until the context is closed. */
  async *events(options) {
    for (;;) {
      try {
        yield await this.nextEvent(options);
      } catch (error) {
        if (error.code === 'ERR_ACAP_CLOSED') return;
        throw error;
      }
    }
  }

  /** Make the current or the next `nextEvent` fail with ACAP_INTERRUPTED, once. */
  interrupt() {
    native.contextInterrupt(this.#handle);
  }

  /** Let waiting for events keep the process alive, which is so from the start. */
  ref() {
    this.#waiting.keepAlive(true);
    return this;
  }

  /** Let the process end although somebody waits for events. */
  unref() {
    this.#waiting.keepAlive(false);
    return this;
  }

  // ---- the end ----

  /** Whether `close` was called. */
  get closed() {
    return native.isClosed(this.#handle);
  }

  /** Destroy it and end its streams; their objects stay valid. Never waits for the sound system. */
  close() {
    native.close(this.#handle);
    this.#waiting.wake();
  }

  [symbolDispose]() {
    this.close();
  }
}

module.exports = { Context };
