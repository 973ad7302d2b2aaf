// SPDX-License-Identifier: MIT
'use strict';
// The way from a reader's buffers to a file that keeps time: lost frames become silence, the length is exact to the frame.

/** One recording: framesCaptured + framesSilent === out.framesWritten. */
class Take {
  #out;
  #nextPosition;
  #frameLimit;

  /**
   * @param {import('./wav.js').WavWriter} out the file
   * @param {number} startPosition the stream's position of the first frame
   * @param {number} frameLimit how long the file may become; Infinity: any length
   */
  constructor(out, startPosition, frameLimit = Infinity) {
    this.#out = out;
    this.#nextPosition = startPosition;
    this.#frameLimit = frameLimit;
    this.framesCaptured = 0;
    this.framesSilent = 0;
  }

  /** Whether the file is long enough. */
  get isFull() {
    return this.#out.framesWritten >= this.#frameLimit;
  }

  /** Write a buffer, and before it the silence for what was lost since the one before. */
  async add(buffer) {
    await this.skipTo(buffer.position);
    const count = this.#clip(buffer.frameCount);
    await this.#out.write(buffer.bytes.subarray(0, count * this.#out.frameBytes));
    this.framesCaptured += count;
    this.#nextPosition = buffer.position + buffer.frameCount;
  }

  /** Write silence up to a position: frames between were lost, by whatever cause. */
  async skipTo(position) {
    const count = this.#clip(position - this.#nextPosition);
    await this.#out.writeSilence(count);
    this.framesSilent += count;
    this.#nextPosition = position;
  }

  #clip(frameCount) {
    return Math.min(frameCount, this.#frameLimit - this.#out.framesWritten);
  }
}

module.exports = { Take };
