// SPDX-License-Identifier: MIT
'use strict';
// A consumer in a Worker: takes a reader over and, whenever it is told to, all that is queued.

const { parentPort, workerData } = require('node:worker_threads');
const acap = require('acap');

const reader = acap.Reader.takeOver(workerData);
const held = [];

function takeAll() {
  const marks = [];
  for (let buffer = reader.tryBorrow(); buffer; buffer = reader.tryBorrow()) {
    const { position, samples } = buffer;
    if (samples[0] !== ((position % 2 ** 24) - 2 ** 23) / 2 ** 23) throw new Error(`wrong at ${position}`);
    marks.push(samples[5]);
    held.push(buffer);
    if (held.length > 3) held.shift().release();
  }
  return marks;
}

parentPort.on('message', (message) => {
  if (message === 'take') {
    parentPort.postMessage(takeAll());
  } else if (message === 'finish') {
    held.splice(0).forEach((buffer) => buffer.release());
    parentPort.postMessage(reader.stats);
    reader.close();
    parentPort.close();
  } else if (message === 'wait') {
    reader.borrow().then((buffer) => parentPort.postMessage(buffer));
    parentPort.postMessage('waiting');
  }
});
