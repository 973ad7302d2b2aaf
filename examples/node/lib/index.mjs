// SPDX-License-Identifier: MIT
// The same package for import: one addon and one set of classes, however it is loaded.
import acap from './index.js';

export default acap;
export const {
  AcapError,
  Buffer,
  BufferFlags,
  Context,
  DeviceFlags,
  EventType,
  Format,
  Level,
  Limits,
  OnDeviceLost,
  Overflow,
  Pool,
  PoolFlags,
  Reader,
  Result,
  Stream,
  StreamFlags,
  StreamState,
  buffersHeld,
  clockNs,
  externalBuffers,
  formatBytes,
  resultName,
  resultText,
  version,
  versionString,
} = acap;
