// SPDX-License-Identifier: MIT

package acap

// #cgo nocallback acap_buffer_release
// #include "glue.h"
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"unsafe"
)

// TimeErrorUnknown is a TimeErrorNS that nobody can tell.
const TimeErrorUnknown = math.MaxInt64

// A Buffer is a run of consecutive frames that was captured once and copied for nobody. It is yours until you release
// it: keep it for a second or an hour, hand it to any goroutine, use it after the stream is gone.
//
// Bytes, Samples, Float32s and the like are slices of the very memory that was captured into. They do not keep the
// buffer: once it was released, or forgotten and collected, that memory belongs to other frames. So use them before
// Release, and call Release after them, which also keeps the Buffer reachable until then. Where another goroutine might
// release meanwhile, look inside Use or UseSamples, or copy with CopyTo: these are checked.
//
// What the header says, Position and so on, stays readable after Release.
type Buffer struct {
	guard
	pointer *C.acap_buffer
	header  C.acap_buffer
	cleanup runtime.Cleanup
}

func newBuffer(borrowed *C.go_borrowed) *Buffer {
	b := &Buffer{pointer: borrowed.buffer, header: borrowed.header}
	b.cleanup = runtime.AddCleanup(b, releaseForgotten, b.pointer)
	held.add() // may wait, so that the Buffer is complete by now
	return b
}

func releaseForgotten(pointer *C.acap_buffer) {
	C.acap_buffer_release(pointer)
	held.removeForgotten()
}

// ---- giving back ----

// Release gives the buffer back; a second time it is ErrReleased. If other goroutines are inside Use or another method,
// the last one to leave gives it back.
func (b *Buffer) Release() error {
	isFirst, isIdle := b.guard.close()
	if !isFirst {
		return ErrReleased
	}
	if isIdle {
		b.giveBack()
	}
	return nil
}

func (b *Buffer) giveBack() {
	b.cleanup.Stop()
	C.acap_buffer_release(b.pointer)
	held.remove()
	runtime.KeepAlive(b) // or the cleanup could run between being looked up and being stopped
}

// Released says whether Release was called.
func (b *Buffer) Released() bool {
	return b.isClosed()
}

func (b *Buffer) enter() error {
	if !b.guard.enter() {
		return ErrReleased
	}
	return nil
}

func (b *Buffer) leave() {
	if b.guard.leave() {
		b.giveBack()
	}
}

// Retain makes another Buffer of the same memory, to be released on its own.
func (b *Buffer) Retain() (*Buffer, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	retained := C.go_borrowed{buffer: C.acap_buffer_retain(b.pointer), header: b.header}
	if retained.buffer == nil {
		return nil, ErrReleased
	}
	return newBuffer(&retained), nil
}

// ReferenceCount is the number of references at this moment, those of other readers included; for tests and debugging.
// 0 after Release.
func (b *Buffer) ReferenceCount() int {
	if b.enter() != nil {
		return 0
	}
	defer b.leave()
	return int(C.acap_buffer_reference_count(b.pointer))
}

// ---- what the header says ----

// Position is the stream position of the first frame; frame i is Position + i.
func (b *Buffer) Position() uint64 { return uint64(b.header.position) }

// TimeNS is when the first frame was captured, by ClockNS; it never runs backwards.
func (b *Buffer) TimeNS() int64 { return int64(b.header.time_ns) }

// TimeErrorNS bounds the error of TimeNS; TimeErrorUnknown when unknown.
func (b *Buffer) TimeErrorNS() int64 { return int64(b.header.time_error_ns) }

// LostBefore is how many frames the stream lost just before this buffer.
func (b *Buffer) LostBefore() uint64 { return uint64(b.header.lost_before) }

// FrameCount is the number of frames.
func (b *Buffer) FrameCount() int { return int(b.header.frame_count) }

// SizeBytes is the number of bytes.
func (b *Buffer) SizeBytes() int { return int(b.header.size_bytes) }

// SampleRateHz is the nominal rate.
func (b *Buffer) SampleRateHz() uint32 { return uint32(b.header.sample_rate_hz) }

// ChannelCount is the number of samples in a frame.
func (b *Buffer) ChannelCount() int { return int(b.header.channel_count) }

// Format is what a sample is; FormatNone in a buffer that Pool.Acquire gave.
func (b *Buffer) Format() Format { return Format(b.header.format) }

// PlaneStrideBytes is what lies between two channels of a planar buffer; 0: interleaved.
func (b *Buffer) PlaneStrideBytes() int { return int(b.header.plane_stride_bytes) }

// Flags tells what is special about it.
func (b *Buffer) Flags() BufferFlags { return BufferFlags(b.header.flags) }

// DataAddress is where the memory begins, to compare or to hand to C.
func (b *Buffer) DataAddress() uintptr { return uintptr(b.header.data) }

func (b *Buffer) String() string {
	return fmt.Sprintf("buffer of %d frames from %d", b.FrameCount(), b.Position())
}

// ---- the memory ----

// Bytes is the buffer's memory, not copied; not to be used after Release, nor to be written to.
func (b *Buffer) Bytes() ([]byte, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	return b.bytes(), nil
}

func (b *Buffer) bytes() []byte {
	return unsafe.Slice((*byte)(b.header.data), b.SizeBytes())
}

// CopyTo copies as many bytes as fit.
func (b *Buffer) CopyTo(target []byte) (int, error) {
	if err := b.enter(); err != nil {
		return 0, err
	}
	defer b.leave()
	return copy(target, b.bytes()), nil
}

// WritableBytes is the buffer's memory to write to, for the only holder; ErrInvalidState if somebody else has a
// reference, too.
func (b *Buffer) WritableBytes() ([]byte, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	if C.acap_buffer_writable_data(b.pointer) == nil {
		return nil, &Error{ErrInvalidState, "somebody else has a reference to this buffer, too"}
	}
	return b.bytes(), nil
}

// A Sample is a Go type of a sample format: uint8 of FormatU8, int16 of FormatS16, int32 of FormatS32, float32 of
// FormatF32. Go has no type of 24 bits: FormatS24 is Bytes, or ChannelBytes.
type Sample interface {
	uint8 | int16 | int32 | float32
}

func formatOf[T Sample]() Format {
	switch any(*new(T)).(type) {
	case uint8:
		return FormatU8
	case int16:
		return FormatS16
	case int32:
		return FormatS32
	default:
		return FormatF32
	}
}

// Use calls look with the buffer's memory, which stays what it is meanwhile even if somebody releases the buffer: it then
// goes back when look returns. ErrReleased, without a call, if it was released before.
func (b *Buffer) Use(look func(memory []byte) error) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	return look(b.bytes())
}

// UseSamples is Use with Samples.
func UseSamples[T Sample](b *Buffer, look func(samples []T) error) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	samples, err := samplesOf[T](b)
	if err != nil {
		return err
	}
	return look(samples)
}

// Samples is an interleaved buffer's memory as samples, not copied: sample c of frame i is at i*ChannelCount + c. Not
// to be used after Release.
func Samples[T Sample](b *Buffer) ([]T, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	return samplesOf[T](b)
}

func samplesOf[T Sample](b *Buffer) ([]T, error) {
	if err := matchFormat[T](b); err != nil {
		return nil, err
	}
	if b.PlaneStrideBytes() != 0 {
		return nil, invalid("the buffer is planar, and has its samples channel by channel: ask for Channel")
	}
	return unsafe.Slice((*T)(b.header.data), b.FrameCount()*b.ChannelCount()), nil
}

// Channel is one channel of a planar buffer's memory, not copied; not to be used after Release. With one channel only,
// every buffer is planar.
func Channel[T Sample](b *Buffer, channel int) ([]T, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	if err := matchFormat[T](b); err != nil {
		return nil, err
	}
	plane, err := b.plane(channel)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*T)(plane), b.FrameCount()), nil
}

// ChannelBytes is one channel of a planar buffer's memory, not copied; not to be used after Release.
func (b *Buffer) ChannelBytes(channel int) ([]byte, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	plane, err := b.plane(channel)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(plane), b.FrameCount()*b.Format().Bytes()), nil
}

func (b *Buffer) plane(channel int) (unsafe.Pointer, error) {
	if channel < 0 || channel >= b.ChannelCount() {
		return nil, invalid(fmt.Sprintf("there is no channel %d in a buffer of %d", channel, b.ChannelCount()))
	}
	if b.PlaneStrideBytes() == 0 && b.ChannelCount() > 1 {
		return nil, invalid("the buffer is interleaved, and has its samples frame by frame: ask for Samples")
	}
	return unsafe.Add(b.header.data, channel*b.PlaneStrideBytes()), nil
}

func matchFormat[T Sample](b *Buffer) error {
	if formatOf[T]() != b.Format() {
		return invalid(fmt.Sprintf("the buffer's samples are %v, not %T", b.Format(), *new(T)))
	}
	return nil
}

// Uint8s is Samples of FormatU8.
func (b *Buffer) Uint8s() ([]uint8, error) { return Samples[uint8](b) }

// Int16s is Samples of FormatS16.
func (b *Buffer) Int16s() ([]int16, error) { return Samples[int16](b) }

// Int32s is Samples of FormatS32.
func (b *Buffer) Int32s() ([]int32, error) { return Samples[int32](b) }

// Float32s is Samples of FormatF32.
func (b *Buffer) Float32s() ([]float32, error) { return Samples[float32](b) }

// SampleBytes is the memory of samples as bytes, not copied: for Stream.Push and for writers.
func SampleBytes[T Sample](samples []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(samples))), len(samples)*int(unsafe.Sizeof(*new(T))))
}

// Levels is what Measure finds.
type Levels struct {
	// Peak is the largest magnitude of each channel, 1.0 = full scale.
	Peak []float32
	// RMS is the root of the mean square of each channel.
	RMS []float32
	// Clipped is the number of samples at or beyond full scale.
	Clipped uint64
	// Zeros is the number of samples that are digital silence.
	Zeros uint64
}

// Measure measures the levels.
func (b *Buffer) Measure() (Levels, error) {
	if err := b.enter(); err != nil {
		return Levels{}, err
	}
	defer b.leave()
	count := b.ChannelCount()
	peak, rms := make([]float32, count+1), make([]float32, count+1) // never empty, so that they have an address
	measured := C.go_buffer_measure(b.pointer, C.uint32_t(count+1), (*C.float)(&peak[0]), (*C.float)(&rms[0]))
	if err := settle(measured.outcome); err != nil {
		return Levels{}, err
	}
	return Levels{peak[:count], rms[:count], uint64(measured.clipped), uint64(measured.zeros)}, nil
}
