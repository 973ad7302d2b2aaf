// SPDX-License-Identifier: MIT
'use strict';
// What the programs share: their options, their messages, their end.

const { parseArgs } = require('node:util');
const { AcapError, Format, versionString } = require('../lib/index.js');

const OK = 0;
const FAILED = 1;
const MISUSED = 2;
const COMMON_OPTIONS = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'V' } };

class UsageError extends Error {}

/** Write a message to standard error. */
function say(program, text) {
  process.stderr.write(`${program}: ${text}\n`);
}

/** Read the name of a sample format. */
function parseFormat(text) {
  const format = Format[text.toUpperCase()];
  if (format === undefined) throw new UsageError(`${text} is no format; s16, s24, s32, f32 and u8 are`);
  return format;
}

/** Read a positive number; undefined stays so. */
function parseCount(text) {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (!(value > 0 && value < 2 ** 32)) throw new UsageError(`${text} is no positive number`);
  return value;
}

/** Read a length of time; undefined stays so. */
function parseSeconds(text) {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value <= 1e9)) throw new UsageError(`${text} is no time in seconds`);
  return value;
}

/** Read the command line; the one argument, if the program has one, is `file`. */
function parseLine(program, { options, usage, takesFile }) {
  let parsed;
  try {
    parsed = parseArgs({ options: { ...COMMON_OPTIONS, ...options }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) return { isAnswered: true, text: usage };
  if (values.version) return { isAnswered: true, text: `${program} with acap ${versionString()}` };
  if (takesFile && positionals.length === 0) throw new UsageError('a file is required');
  if (positionals.length > (takesFile ? 1 : 0)) throw new UsageError(`there is no use for ${positionals.at(-1)}`);
  return { ...values, file: positionals[0] };
}

/** What went wrong, for people: the library's name for it, or the system's. */
function describe(error) {
  return error instanceof AcapError ? `${error.message} (${error.code})` : error.message;
}

/**
 * Run a program to its exit status.
 *
 * @param {string} program
 * @param {{options: object, usage: string, takesFile?: boolean}} line
 * @param {(options: object) => Promise<number | undefined>} run
 */
async function main(program, line, run) {
  try {
    const options = parseLine(program, line);
    if (options.isAnswered) process.stdout.write(`${options.text}\n`);
    else process.exitCode = (await run(options)) ?? OK;
  } catch (error) {
    const isMisuse = error instanceof UsageError;
    if (isMisuse) process.stderr.write(`${line.usage}\n`);
    // A fault of the program itself is shown with its stack.
    say(program, isMisuse || error.code !== undefined ? describe(error) : error.stack);
    process.exitCode = isMisuse ? MISUSED : FAILED;
  }
}

/** Let the first SIGINT or SIGTERM call `end`; the second one quits at once. Gives what undoes that. */
function endBySignals(end) {
  const signals = ['SIGINT', 'SIGTERM'];
  const undo = () => signals.forEach((name) => process.removeListener(name, onSignal));
  const onSignal = () => {
    undo();
    end();
  };
  signals.forEach((name) => process.on(name, onSignal));
  return undo;
}

/** Readers of buffers of this stream get a queue of so many seconds. */
function buffersPerSecond(info) {
  return Math.ceil(info.sampleRateHz / info.framesPerBuffer);
}

module.exports = { FAILED, OK, buffersPerSecond, describe, endBySignals, main, parseCount, parseFormat, parseSeconds, say };
