// SPDX-License-Identifier: MIT
//! What a sample can be in Rust.

use crate::types::Format;

mod sealed {
    pub trait Sealed {}
}

/// The Rust type of a format's samples: [`i16`], [`S24`], [`i32`], [`f32`] and [`u8`].
///
/// Any bits are a valid value of each of them, which is why there are no others.
pub trait Sample: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The format whose samples these are.
    const FORMAT: Format;
}

macro_rules! samples {
    ($($type:ty => $format:ident,)*) => { $(
        impl sealed::Sealed for $type {}
        impl Sample for $type {
            const FORMAT: Format = Format::$format;
        }
    )* };
}

samples! {
    i16 => S16,
    S24 => S24,
    i32 => S32,
    f32 => F32,
    u8 => U8,
}

/// A signed sample of 24 bits, packed in 3 bytes, native endian.
///
/// ```
/// use acap::S24;
///
/// assert_eq!(i32::from(S24::from_i32(-5)), -5);
/// assert_eq!(size_of::<S24>(), 3);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct S24([u8; 3]);

impl S24 {
    /// The lower 24 bits of a number.
    #[must_use]
    pub const fn from_i32(value: i32) -> Self {
        if cfg!(target_endian = "little") {
            let [a, b, c, _] = value.to_le_bytes();
            Self([a, b, c])
        } else {
            let [_, a, b, c] = value.to_be_bytes();
            Self([a, b, c])
        }
    }

    /// The number, between -2^23 and 2^23 - 1.
    #[must_use]
    pub const fn to_i32(self) -> i32 {
        let [a, b, c] = self.0;
        if cfg!(target_endian = "little") {
            i32::from_le_bytes([0, a, b, c]) >> 8
        } else {
            i32::from_be_bytes([a, b, c, 0]) >> 8
        }
    }
}

impl From<S24> for i32 {
    fn from(sample: S24) -> Self {
        sample.to_i32()
    }
}

impl std::fmt::Debug for S24 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "S24({})", self.to_i32())
    }
}

#[cfg(test)]
mod tests {
    use super::S24;

    #[test]
    fn s24_keeps_its_numbers() {
        for value in [0, 1, -1, 8_388_607, -8_388_608, 0x12_3456] {
            assert_eq!(S24::from_i32(value).to_i32(), value);
        }
        assert_eq!(S24::from_i32(0x7f80_0001).to_i32(), -8_388_607);
    }
}
