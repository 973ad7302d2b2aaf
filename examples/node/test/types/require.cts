// SPDX-License-Identifier: MIT
import acap = require('acap');

export const reader: Promise<acap.Reader<4>> = new acap.Context().openStream().then((stream) => stream.openReader());
// @ts-expect-error a buffer is not a promise of one
export const buffer: Promise<acap.Buffer> = reader.then((one) => one.tryBorrow());
