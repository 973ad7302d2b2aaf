// SPDX-License-Identifier: MIT
'use strict';
// The numbers of acap.h, which are pinned for ever; a test compares them with the header.

/** What a sample is; native endian. */
const Format = Object.freeze({ S16: 1, S24: 2, S32: 3, F32: 4, U8: 5 });

/** 0 success, positive "nothing went wrong, but there is no buffer", negative an error. */
const Result = Object.freeze({
  OK: 0,
  TIMED_OUT: 1,
  END: 2,
  INTERRUPTED: 3,
  ERROR_INVALID_ARGUMENT: -1,
  ERROR_NO_MEMORY: -2,
  ERROR_INVALID_STATE: -3,
  ERROR_NO_DEVICE: -4,
  ERROR_DEVICE_BUSY: -5,
  ERROR_DEVICE_LOST: -6,
  ERROR_UNSUPPORTED_FORMAT: -7,
  ERROR_POOL_EXHAUSTED: -8,
  ERROR_LIMIT: -9,
  ERROR_BACKEND: -10,
  ERROR_ABI_MISMATCH: -11,
  ERROR_FORKED: -12,
  ERROR_HOST_STUCK: -13,
  ERROR_PERMISSION: -14,
});

/** Bits of `DeviceInfo.flags`. */
const DeviceFlags = Object.freeze({ DEFAULT: 1, LOOPBACK: 2, STALE: 4 });

/** Bits of `Buffer.flags`. */
const BufferFlags = Object.freeze({ GAP: 1, HOST_OVERFLOW: 2, PARTIAL: 4, SILENT: 8, RECOVERED: 16 });

/** Bits of a pool's flags; the option `lockMemory` sets it. */
const PoolFlags = Object.freeze({ LOCK_MEMORY: 1 });

/** Bits of `StreamInfo.flags`; the options `planar` and `lockMemory` set them. */
const StreamFlags = Object.freeze({ PLANAR: 1, LOCK_MEMORY: 2 });

/** What happens when the device goes away. */
const OnDeviceLost = Object.freeze({ FAIL: 0, WAIT: 1, FOLLOW_DEFAULT: 2 });

/** `StreamStats.state`. */
const StreamState = Object.freeze({ STOPPED: 0, RUNNING: 1, LOST: 2 });

/** What a full queue does. */
const Overflow = Object.freeze({ DROP_OLDEST: 0, DROP_NEWEST: 1 });

/** `Event.type`. */
const EventType = Object.freeze({
  STREAM_STALLED: 1,
  STREAM_LOST: 2,
  STREAM_RECOVERED: 3,
  DEVICES_CHANGED: 4,
  FRAMES_LOST: 5,
  HOST_STUCK: 6,
  SUSPECT_SILENCE: 7,
  POOL_LOW: 8,
  LOG: 9,
});

/** `Event.level`. */
const Level = Object.freeze({ ERROR: 1, WARNING: 2, INFO: 3 });

/** The largest and smallest values that the library takes. */
const Limits = Object.freeze({
  MIN_SAMPLE_RATE_HZ: 8000,
  MAX_SAMPLE_RATE_HZ: 384000,
  MAX_CHANNELS: 128,
  MAX_FRAMES_PER_BUFFER: 1048576,
  MAX_READERS: 64,
  MAX_QUEUE_BUFFERS: 65536,
  MAX_POOL_BUFFERS: 1048576,
  MAX_BUFFER_BYTES: 268435456,
});

module.exports = {
  BufferFlags,
  DeviceFlags,
  EventType,
  Format,
  Level,
  Limits,
  OnDeviceLost,
  Overflow,
  PoolFlags,
  Result,
  StreamFlags,
  StreamState,
};
