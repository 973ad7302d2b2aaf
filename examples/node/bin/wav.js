// SPDX-License-Identifier: MIT
'use strict';
// WAV files of any acap format; beyond 4 GB they become RF64.

const { open } = require('node:fs/promises');
const { endianness } = require('node:os');
const { Format, formatBytes } = require('../lib/index.js');

const PCM = 1;
const IEEE_FLOAT = 3;
const EXTENSIBLE = 0xfffe;
/** What follows the tag in the subformat of an extensible file. */
const GUID_TAIL = Buffer.from('000000001000800000aa00389b71', 'hex');
const MAX_32 = 2 ** 32 - 1;
const SILENCE_FRAMES = 4096;

function chunk(name, content) {
  const head = Buffer.alloc(8);
  head.write(name, 0, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

/**
 * A WAV file that is being written.
 *
 * Its header is right after every second of sound, so that a file that is never closed, because the power fails, plays but
 * for its last second. Each write is awaited before its buffer is released: the file is written straight from the memory
 * that was captured into.
 */
class WavWriter {
  #file;
  #format;
  #rateHz;
  #channels;
  #nextHeaderFrame;
  #end = 0;

  /** Make the file anew. */
  static async create(path, { format, sampleRateHz, channelCount }) {
    if (endianness() !== 'LE') throw new Error('WAV files are little endian, and this machine is not');
    const writer = new WavWriter(await open(path, 'w'), format, sampleRateHz, channelCount);
    try {
      await writer.#append(writer.#header());
    } catch (error) {
      await writer.#file.close();
      throw error;
    }
    return writer;
  }

  constructor(file, format, rateHz, channels) {
    this.#file = file;
    this.#format = format;
    this.#rateHz = rateHz;
    this.#channels = channels;
    this.#nextHeaderFrame = rateHz;
    this.frameBytes = formatBytes(format) * channels;
    this.framesWritten = 0;
  }

  /** Write interleaved frames, straight from where they are. */
  async write(bytes) {
    await this.#append(bytes);
    this.framesWritten += bytes.byteLength / this.frameBytes;
    if (this.framesWritten >= this.#nextHeaderFrame) {
      await this.#updateHeader();
      this.#nextHeaderFrame = this.framesWritten + this.#rateHz;
    }
  }

  /** Write digital silence. */
  async writeSilence(frameCount) {
    const blockFrames = Math.min(frameCount, SILENCE_FRAMES);
    const block = new Uint8Array(blockFrames * this.frameBytes).fill(this.#format === Format.U8 ? 128 : 0);
    for (let left = frameCount; left > 0; left -= SILENCE_FRAMES) {
      await this.write(block.subarray(0, Math.min(left, SILENCE_FRAMES) * this.frameBytes));
    }
  }

  /** Complete the file. */
  async close() {
    try {
      if ((this.framesWritten * this.frameBytes) % 2 === 1) await this.#append(new Uint8Array(1)); // chunks have an even length
      await this.#updateHeader();
    } finally {
      await this.#file.close();
    }
  }

  async #append(bytes) {
    await this.#writeAt(bytes, this.#end);
    this.#end += bytes.byteLength;
  }

  async #writeAt(bytes, position) {
    for (let done = 0; done < bytes.byteLength; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.byteLength - done, position + done);
      done += bytesWritten;
    }
  }

  #updateHeader() {
    return this.#writeAt(this.#header(), 0);
  }

  #header() {
    const dataBytes = this.framesWritten * this.frameBytes;
    const chunks = [chunk('fmt ', this.#formatChunk())];
    if (this.#format === Format.F32) {
      const fact = Buffer.alloc(4);
      fact.writeUInt32LE(Math.min(this.framesWritten, MAX_32));
      chunks.push(chunk('fact', fact));
    }
    const inner = Buffer.concat(chunks);
    // "WAVE", the room for ds64, the chunks, the head of "data", and an even number of bytes
    const riffBytes = 4 + 36 + inner.length + 8 + dataBytes + (dataBytes % 2);
    const isLarge = riffBytes > MAX_32;
    const head = chunk(isLarge ? 'RF64' : 'RIFF', Buffer.from('WAVE'));
    head.writeUInt32LE(Math.min(riffBytes, MAX_32), 4);
    const data = chunk('data', Buffer.alloc(0));
    data.writeUInt32LE(isLarge ? MAX_32 : dataBytes, 4);
    const room = isLarge ? chunk('ds64', this.#sizes(riffBytes, dataBytes)) : chunk('JUNK', Buffer.alloc(28));
    return Buffer.concat([head, room, inner, data]);
  }

  #sizes(riffBytes, dataBytes) {
    const sizes = Buffer.alloc(28);
    [riffBytes, dataBytes, this.framesWritten].forEach((size, index) => sizes.writeBigUInt64LE(BigInt(size), 8 * index));
    return sizes;
  }

  #formatChunk() {
    const tag = this.#format === Format.F32 ? IEEE_FLOAT : PCM;
    const bits = 8 * formatBytes(this.#format);
    const isExtensible = this.#channels > 2;
    const head = Buffer.alloc(16);
    head.writeUInt16LE(isExtensible ? EXTENSIBLE : tag, 0);
    head.writeUInt16LE(this.#channels, 2);
    head.writeUInt32LE(this.#rateHz, 4);
    head.writeUInt32LE(this.#rateHz * this.frameBytes, 8);
    head.writeUInt16LE(this.frameBytes, 12);
    head.writeUInt16LE(bits, 14);
    if (!isExtensible) return tag === IEEE_FLOAT ? Buffer.concat([head, Buffer.alloc(2)]) : head;
    const extension = Buffer.alloc(10);
    extension.writeUInt16LE(22, 0);
    extension.writeUInt16LE(bits, 2);
    extension.writeUInt16LE(tag, 8);
    return Buffer.concat([head, extension, GUID_TAIL]);
  }
}

module.exports = { WavWriter };
