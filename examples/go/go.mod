// SPDX-License-Identifier: MIT

module acap

go 1.24
