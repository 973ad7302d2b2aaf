// SPDX-License-Identifier: MIT
module bench

go 1.24

require acap v0.0.0

replace acap => ../../../examples/go
