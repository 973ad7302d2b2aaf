// SPDX-License-Identifier: MIT
'use strict';
// Results of the library, and what this package itself refuses, as one class of errors.

/**
 * A result of the library that is not success (`code` is its name in C, such as 'ACAP_ERROR_NO_DEVICE'), or a misuse that
 * this package noticed before the library could ('ERR_ACAP_RELEASED', 'ERR_ACAP_CLOSED', ...).
 */
class AcapError extends Error {
  /**
   * @param {number} result the result's number, such as -4
   * @param {string} code its name
   * @param {string} message what happened, the host's own words included
   */
  constructor(result, code, message) {
    super(message);
    this.result = result;
    this.code = code;
  }
}

// On the prototype, as the classes of the language have it: it is no property of each error.
Object.defineProperty(AcapError.prototype, 'name', { value: 'AcapError', writable: true, configurable: true });

module.exports = { AcapError };
