// SPDX-License-Identifier: MIT
//! Declarations of the C library acap, as its header `acap/acap.h` has them; the header's comments
//! are the contract. The crate `acap` is the safe interface.
//!
//! The declarations are written out rather than generated while building, so that nothing but a
//! linker is needed. `tests/header.rs` compares each constant, size, offset and function with the
//! installed header.
//!
//! The library is found where the environment's `ACAP_LIB_DIR` or `ACAP_DIR` (a prefix) say, else by
//! pkg-config. The feature `static` links `libacap.a`. Crates that depend on this one directly find
//! the header's directory in `DEP_ACAP_INCLUDE` while building.
#![no_std]
#![allow(non_camel_case_types, reason = "the names are those of the header")]

mod constants;
mod functions;
mod types;

pub use constants::*;
pub use functions::*;
pub use types::*;
