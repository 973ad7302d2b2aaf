#!/usr/bin/env node
// SPDX-License-Identifier: MIT
'use strict';
// Lists the capture devices.

const { Context, DeviceFlags } = require('../lib/index.js');
const { main } = require('./common.js');

const PROGRAM = 'acap-node-devices';
const LINE = {
  usage: `usage: ${PROGRAM} [-j|--json]\nLists the devices that can be captured from.`,
  options: { json: { type: 'boolean', short: 'j' } },
};

/** Replace what could harm a terminal: a device chooses its own name. */
function printable(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

/** A table for people; * marks the default device. */
function table(devices) {
  const rows = devices.map(({ id, name, hostApi }) => [id, name, hostApi].map(printable));
  const widths = ['ID', 'NAME', 'HOST API'].map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)));
  const cells = (row) => row.map((text, i) => text.padEnd(widths[i])).join('  ');
  const lines = [`  ${cells(['ID', 'NAME', 'HOST API'])}  CHANNELS    RATE  FLAGS`];
  devices.forEach(({ flags, maxChannelCount, defaultSampleRateHz }, index) => {
    const mark = flags & DeviceFlags.DEFAULT ? '*' : ' ';
    const words = ['LOOPBACK', 'STALE'].filter((name) => flags & DeviceFlags[name]).map((name) => name.toLowerCase());
    const figures = `${String(maxChannelCount).padStart(8)}  ${String(defaultSampleRateHz).padStart(6)}`;
    lines.push(`${mark} ${cells(rows[index])}  ${figures}  ${words.join(', ')}`.trimEnd());
  });
  return lines.join('\n');
}

/** JSON for programs, with the names of the C program. */
function json(devices) {
  const rows = devices.map((device) => ({
    id: device.id,
    name: device.name,
    host_api: device.hostApi,
    max_channel_count: device.maxChannelCount,
    default_sample_rate_hz: device.defaultSampleRateHz,
    low_latency_ns: Number(device.lowLatencyNs),
    high_latency_ns: Number(device.highLatencyNs),
    default: (device.flags & DeviceFlags.DEFAULT) !== 0,
    loopback: (device.flags & DeviceFlags.LOOPBACK) !== 0,
    stale: (device.flags & DeviceFlags.STALE) !== 0,
  }));
  return JSON.stringify(rows, null, 2);
}

async function run(options) {
  const context = new Context();
  try {
    const devices = await context.devices();
    if (options.json) console.log(json(devices));
    else if (devices.length > 0) console.log(table(devices));
    else console.log('No capture device was found; simulated ones, such as sim:sine, always open.');
  } finally {
    context.close();
  }
}

if (require.main === module) main(PROGRAM, LINE, run);

module.exports = { json, table };
