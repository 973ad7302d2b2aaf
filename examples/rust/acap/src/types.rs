// SPDX-License-Identifier: MIT
//! Enumerations and flags.

use acap_sys as sys;

/// An enumeration of the header, of which a newer library may know more.
macro_rules! open_enum {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $number:ident,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$doc])* $name,)*
            /// A number that only a newer library knows.
            Unknown(u32),
        }

        impl $type {
            /// All that this crate knows.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number in the header.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$name => sys::$number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// What a number of the header means.
            #[must_use]
            pub const fn from_number(number: u32) -> Self {
                match number {
                    $(sys::$number => Self::$name,)*
                    _ => Self::Unknown(number),
                }
            }
        }
    };
}

/// Bits of the header.
macro_rules! flags {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $number:ident,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $type(u32);

        impl $type {
            $($(#[$doc])* pub const $name: Self = Self(sys::$number);)*

            const NAMES: &'static [(&'static str, u32)] = &[$((stringify!($name), sys::$number)),*];

            /// The bits as the header has them.
            #[must_use]
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Flags of bits, those that only a newer library knows included.
            #[must_use]
            pub const fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            /// Whether there are none.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether all of the others are among these.
            #[must_use]
            pub const fn contains(self, others: Self) -> bool {
                self.0 & others.0 == others.0
            }
        }

        impl std::ops::BitOr for $type {
            type Output = Self;

            fn bitor(self, others: Self) -> Self {
                Self(self.0 | others.0)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write_flags(formatter, stringify!($type), self.0, Self::NAMES)
            }
        }
    };
}

fn write_flags(
    formatter: &mut std::fmt::Formatter<'_>,
    kind: &str,
    bits: u32,
    names: &[(&str, u32)],
) -> std::fmt::Result {
    let mut parts: Vec<String> = Vec::new();
    let mut left = bits;
    for (name, bit) in names {
        if bits & bit != 0 {
            parts.push((*name).to_owned());
            left &= !bit;
        }
    }
    if left != 0 {
        parts.push(format!("{left:#x}"));
    }
    write!(formatter, "{kind}({})", parts.join(" | "))
}

open_enum! {
    /// What a sample is; native endian.
    Format {
        /// Signed 16 bits.
        S16 = ACAP_FORMAT_S16,
        /// Signed 24 bits packed in 3 bytes.
        S24 = ACAP_FORMAT_S24,
        /// Signed 32 bits.
        S32 = ACAP_FORMAT_S32,
        /// 32-bit float, full scale 1.0.
        F32 = ACAP_FORMAT_F32,
        /// Unsigned 8 bits, silence is 128.
        U8 = ACAP_FORMAT_U8,
    }
}

impl Format {
    /// Bytes of one sample of one channel; 0 for an unknown format.
    #[must_use]
    pub fn sample_bytes(self) -> usize {
        sys::acap_format_bytes(self.number()) as usize
    }
}

open_enum! {
    /// What happens when the device goes away.
    OnDeviceLost {
        /// Readers get [`Error::DeviceLost`](crate::Error::DeviceLost) once drained.
        Fail = ACAP_ON_LOST_FAIL,
        /// Go on with the same device when it is back.
        Wait = ACAP_ON_LOST_WAIT,
        /// Go on with the default device.
        FollowDefault = ACAP_ON_LOST_FOLLOW_DEFAULT,
    }
}

open_enum! {
    /// What a full queue does.
    Overflow {
        /// Stay live.
        DropOldest = ACAP_OVERFLOW_DROP_OLDEST,
        /// Keep what is queued.
        DropNewest = ACAP_OVERFLOW_DROP_NEWEST,
    }
}

open_enum! {
    /// What a stream is doing.
    StreamState {
        /// It captures nothing.
        Stopped = ACAP_STATE_STOPPED,
        /// It captures.
        Running = ACAP_STATE_RUNNING,
        /// Its device went away.
        Lost = ACAP_STATE_LOST,
    }
}

open_enum! {
    /// What happened.
    EventType {
        /// No callback for a while.
        StreamStalled = ACAP_EVENT_STREAM_STALLED,
        /// The device went away.
        StreamLost = ACAP_EVENT_STREAM_LOST,
        /// The device is back.
        StreamRecovered = ACAP_EVENT_STREAM_RECOVERED,
        /// A device came or went: list them again.
        DevicesChanged = ACAP_EVENT_DEVICES_CHANGED,
        /// The stream lost frames.
        FramesLost = ACAP_EVENT_FRAMES_LOST,
        /// A call into the sound system did not return and was left behind.
        HostStuck = ACAP_EVENT_HOST_STUCK,
        /// Five seconds of digital silence.
        SuspectSilence = ACAP_EVENT_SUSPECT_SILENCE,
        /// Few buffers are free, and the pool cannot or may not grow.
        PoolLow = ACAP_EVENT_POOL_LOW,
        /// What the sound system would have printed.
        Log = ACAP_EVENT_LOG,
    }
}

open_enum! {
    /// How bad it is.
    Level {
        /// Something failed.
        Error = ACAP_LEVEL_ERROR,
        /// Something is not as it should be.
        Warning = ACAP_LEVEL_WARNING,
        /// For information.
        Info = ACAP_LEVEL_INFO,
    }
}

flags! {
    /// What is special about a device.
    DeviceFlags {
        /// What opens when no device is named.
        DEFAULT = ACAP_DEVICE_DEFAULT,
        /// Captures what is being played.
        LOOPBACK = ACAP_DEVICE_LOOPBACK,
        /// Could not be asked afresh: a stream is running.
        STALE = ACAP_DEVICE_STALE,
    }
}

flags! {
    /// What is special about a buffer.
    BufferFlags {
        /// Frames were lost by the stream just before.
        GAP = ACAP_BUFFER_GAP,
        /// The host said that it lost some.
        HOST_OVERFLOW = ACAP_BUFFER_HOST_OVERFLOW,
        /// Fewer frames than `frames_per_buffer`.
        PARTIAL = ACAP_BUFFER_PARTIAL,
        /// Every sample is digital silence.
        SILENT = ACAP_BUFFER_SILENT,
        /// First after the device came back.
        RECOVERED = ACAP_BUFFER_RECOVERED,
    }
}

flags! {
    /// How a stream was opened.
    StreamFlags {
        /// One channel after the other instead of interleaved.
        PLANAR = ACAP_STREAM_PLANAR,
        /// The stream's pool is locked into RAM.
        LOCK_MEMORY = ACAP_STREAM_LOCK_MEMORY,
    }
}

/// The limits of the library, and where the numbers that this crate wraps come from.
pub mod limits {
    use acap_sys as sys;

    /// Smallest `sample_rate_hz`.
    pub const MIN_SAMPLE_RATE_HZ: u32 = sys::ACAP_MIN_SAMPLE_RATE_HZ;
    /// Largest `sample_rate_hz`.
    pub const MAX_SAMPLE_RATE_HZ: u32 = sys::ACAP_MAX_SAMPLE_RATE_HZ;
    /// Largest `channel_count`.
    pub const MAX_CHANNELS: u32 = sys::ACAP_MAX_CHANNELS;
    /// Largest `frames_per_buffer`.
    pub const MAX_FRAMES_PER_BUFFER: u32 = sys::ACAP_MAX_FRAMES_PER_BUFFER;
    /// Readers open on one stream at once.
    pub const MAX_READERS: u32 = sys::ACAP_MAX_READERS;
    /// Largest `queue_buffers` and `hold_buffers`.
    pub const MAX_QUEUE_BUFFERS: u32 = sys::ACAP_MAX_QUEUE_BUFFERS;
    /// Buffers in one pool.
    pub const MAX_POOL_BUFFERS: u32 = sys::ACAP_MAX_POOL_BUFFERS;
    /// Bytes in one buffer.
    pub const MAX_BUFFER_BYTES: u32 = sys::ACAP_MAX_BUFFER_BYTES;
}

#[cfg(test)]
mod tests {
    use super::{BufferFlags, EventType, Format};

    #[test]
    fn numbers_go_both_ways() {
        for format in Format::ALL {
            assert_eq!(Format::from_number(format.number()), *format);
        }
        assert_eq!(EventType::from_number(99), EventType::Unknown(99));
        assert_eq!(EventType::Unknown(99).number(), 99);
    }

    #[test]
    fn flags_are_named() {
        let flags = BufferFlags::GAP | BufferFlags::from_bits(1 << 20);
        assert!(flags.contains(BufferFlags::GAP));
        assert!(!flags.contains(BufferFlags::GAP | BufferFlags::SILENT));
        assert_eq!(format!("{flags:?}"), "BufferFlags(GAP | 0x100000)");
        assert!(BufferFlags::default().is_empty());
    }
}
