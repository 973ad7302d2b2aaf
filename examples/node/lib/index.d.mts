// SPDX-License-Identifier: MIT
export * from './index.js';
import * as acap from './index.js';
export default acap;
