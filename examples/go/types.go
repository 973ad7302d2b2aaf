// SPDX-License-Identifier: MIT

package acap

// #include <acap/acap.h>
import "C"

import (
	"fmt"
	"strings"
)

// Limits of what can be asked for.
const (
	MinSampleRateHz    = C.ACAP_MIN_SAMPLE_RATE_HZ
	MaxSampleRateHz    = C.ACAP_MAX_SAMPLE_RATE_HZ
	MaxChannels        = C.ACAP_MAX_CHANNELS
	MaxFramesPerBuffer = C.ACAP_MAX_FRAMES_PER_BUFFER
	MaxReaders         = C.ACAP_MAX_READERS
	MaxQueueBuffers    = C.ACAP_MAX_QUEUE_BUFFERS
	MaxPoolBuffers     = C.ACAP_MAX_POOL_BUFFERS
	MaxBufferBytes     = C.ACAP_MAX_BUFFER_BYTES
)

// A Format is what a sample is; native endian.
type Format uint32

const (
	FormatNone Format = 0                 // in a configuration: F32
	FormatS16  Format = C.ACAP_FORMAT_S16 // signed 16 bits
	FormatS24  Format = C.ACAP_FORMAT_S24 // signed 24 bits packed in 3 bytes
	FormatS32  Format = C.ACAP_FORMAT_S32 // signed 32 bits
	FormatF32  Format = C.ACAP_FORMAT_F32 // 32-bit float, full scale 1.0
	FormatU8   Format = C.ACAP_FORMAT_U8  // unsigned 8 bits, silence is 128
)

var formatNames = []string{"none", "s16", "s24", "s32", "f32", "u8"}

func (f Format) String() string { return nameOf("format", uint32(f), formatNames) }

// Bytes is the size of one sample of one channel; 0 of an unknown format.
func (f Format) Bytes() int { return int(C.acap_format_bytes(C.uint32_t(f))) }

// ParseFormat reads what String writes.
func ParseFormat(text string) (Format, error) {
	for number, name := range formatNames[1:] {
		if text == name {
			return Format(number + 1), nil
		}
	}
	return FormatNone, invalid(text + " is no format; " + strings.Join(formatNames[1:], ", ") + " are")
}

// DeviceFlags tells what is special about a device.
type DeviceFlags uint32

const (
	DeviceDefault  DeviceFlags = C.ACAP_DEVICE_DEFAULT  // what opens when no device is named
	DeviceLoopback DeviceFlags = C.ACAP_DEVICE_LOOPBACK // captures what is being played
	DeviceStale    DeviceFlags = C.ACAP_DEVICE_STALE    // could not be asked afresh: a stream is running
)

func (f DeviceFlags) String() string {
	return flagNames(uint32(f), "default", "loopback", "stale")
}

// BufferFlags tells what is special about a buffer.
type BufferFlags uint32

const (
	BufferGap          BufferFlags = C.ACAP_BUFFER_GAP           // frames were lost by the stream just before
	BufferHostOverflow BufferFlags = C.ACAP_BUFFER_HOST_OVERFLOW // the host said that it lost some
	BufferPartial      BufferFlags = C.ACAP_BUFFER_PARTIAL       // fewer frames than FramesPerBuffer
	BufferSilent       BufferFlags = C.ACAP_BUFFER_SILENT        // every sample is digital silence
	BufferRecovered    BufferFlags = C.ACAP_BUFFER_RECOVERED     // first after the device came back
)

func (f BufferFlags) String() string {
	return flagNames(uint32(f), "gap", "host overflow", "partial", "silent", "recovered")
}

// PoolFlags is how a pool is made.
type PoolFlags uint32

const (
	PoolLockMemory PoolFlags = C.ACAP_POOL_LOCK_MEMORY // lock the pool into RAM
)

func (f PoolFlags) String() string { return flagNames(uint32(f), "lock memory") }

// StreamFlags is how a stream is opened.
type StreamFlags uint32

const (
	StreamPlanar     StreamFlags = C.ACAP_STREAM_PLANAR      // one channel after the other instead of interleaved
	StreamLockMemory StreamFlags = C.ACAP_STREAM_LOCK_MEMORY // lock the stream's pool into RAM
)

func (f StreamFlags) String() string { return flagNames(uint32(f), "planar", "lock memory") }

// OnDeviceLost is what happens when the device goes away.
type OnDeviceLost uint32

const (
	OnLostFail          OnDeviceLost = C.ACAP_ON_LOST_FAIL           // readers get ErrDeviceLost once drained
	OnLostWait          OnDeviceLost = C.ACAP_ON_LOST_WAIT           // go on with the same device when it is back
	OnLostFollowDefault OnDeviceLost = C.ACAP_ON_LOST_FOLLOW_DEFAULT // go on with the default device
)

func (o OnDeviceLost) String() string {
	return nameOf("on-device-lost", uint32(o), []string{"fail", "wait", "follow default"})
}

// StreamState is what a stream is doing.
type StreamState uint32

const (
	StateStopped StreamState = C.ACAP_STATE_STOPPED
	StateRunning StreamState = C.ACAP_STATE_RUNNING
	StateLost    StreamState = C.ACAP_STATE_LOST
)

func (s StreamState) String() string {
	return nameOf("state", uint32(s), []string{"stopped", "running", "lost"})
}

// Overflow is what a full queue does.
type Overflow uint32

const (
	OverflowDropOldest Overflow = C.ACAP_OVERFLOW_DROP_OLDEST // stay live
	OverflowDropNewest Overflow = C.ACAP_OVERFLOW_DROP_NEWEST // keep what is queued
)

func (o Overflow) String() string {
	return nameOf("overflow", uint32(o), []string{"drop oldest", "drop newest"})
}

// EventType is what happened; a newer library may know more of them.
type EventType uint32

const (
	EventStreamStalled   EventType = C.ACAP_EVENT_STREAM_STALLED   // the device delivers nothing
	EventStreamLost      EventType = C.ACAP_EVENT_STREAM_LOST      // it has not for long, or the host gave up
	EventStreamRecovered EventType = C.ACAP_EVENT_STREAM_RECOVERED // the device is back; Frames: the gap
	EventDevicesChanged  EventType = C.ACAP_EVENT_DEVICES_CHANGED  // a device came or went: list them again
	EventFramesLost      EventType = C.ACAP_EVENT_FRAMES_LOST      // the stream lost Frames, found at Position
	EventHostStuck       EventType = C.ACAP_EVENT_HOST_STUCK       // a call into the sound system did not return
	EventSuspectSilence  EventType = C.ACAP_EVENT_SUSPECT_SILENCE  // 5 s of digital silence
	EventPoolLow         EventType = C.ACAP_EVENT_POOL_LOW         // few buffers are free, and no more may be made
	EventLog             EventType = C.ACAP_EVENT_LOG              // what the sound system would have printed
)

func (t EventType) String() string {
	return nameOf("event", uint32(t), []string{"", "stream stalled", "stream lost", "stream recovered", "devices changed",
		"frames lost", "host stuck", "suspect silence", "pool low", "log"})
}

// Level is how bad it is.
type Level uint32

const (
	LevelError   Level = C.ACAP_LEVEL_ERROR
	LevelWarning Level = C.ACAP_LEVEL_WARNING
	LevelInfo    Level = C.ACAP_LEVEL_INFO
)

func (l Level) String() string {
	return nameOf("level", uint32(l), []string{"", "error", "warning", "info"})
}

func nameOf(kind string, number uint32, names []string) string {
	if number < uint32(len(names)) && names[number] != "" {
		return names[number]
	}
	return fmt.Sprintf("%s %d", kind, number)
}

func flagNames(flags uint32, names ...string) string {
	var words []string
	for bit, name := range names {
		if flags&(1<<bit) != 0 {
			words = append(words, name)
		}
	}
	if rest := flags >> len(names) << len(names); rest != 0 {
		words = append(words, fmt.Sprintf("%#x", rest))
	}
	return strings.Join(words, ", ")
}
