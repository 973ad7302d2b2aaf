// SPDX-License-Identifier: MIT

//go:build !asan

package exits

// ChecksLeaks says whether the program looks for lost memory when it ends.
const ChecksLeaks = false
