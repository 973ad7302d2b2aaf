// SPDX-License-Identifier: MIT

package acap

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"testing"
	"unsafe"
)

var formats = []Format{FormatS16, FormatS24, FormatS32, FormatF32, FormatU8}

func borrowOne(t testing.TB, config StreamConfig) *Buffer {
	t.Helper()
	stream := openRunning(t, config)
	reader := openReader(t, stream, ReaderConfig{})
	advance(t, stream, frames)
	buffer, err := reader.TryBorrow()
	check(t, err)
	t.Cleanup(func() { _ = buffer.Release() })
	return buffer
}

func TestViewsLookAtTheVeryMemory(t *testing.T) {
	for _, format := range formats {
		for _, channelCount := range []uint32{1, 2, 7} {
			for _, flags := range []StreamFlags{0, StreamPlanar} {
				t.Run(fmt.Sprintf("%v %d %v", format, channelCount, flags), func(t *testing.T) {
					stream := openRunning(t, StreamConfig{Format: format, ChannelCount: channelCount, Flags: flags})
					reader := openReader(t, stream, ReaderConfig{})
					advance(t, stream, 3*frames)
					check(t, stream.Stop())
					for buffer, err := range reader.Each(t.Context()) {
						check(t, err)
						checkView(t, buffer)
					}
				})
			}
		}
	}
}

// checkView compares what a buffer shows with what was captured, and where it shows it.
func checkView(t *testing.T, buffer *Buffer) {
	t.Helper()
	memory, err := buffer.Bytes()
	check(t, err)
	if address := uintptr(unsafe.Pointer(&memory[0])); address != buffer.DataAddress() || len(memory) != buffer.SizeBytes() {
		t.Fatal("Bytes is somewhere else")
	}
	sampleBytes := buffer.Format().Bytes()
	expected := counterFrames(buffer.Position(), buffer.FrameCount(), buffer.ChannelCount(), buffer.Format())
	if buffer.PlaneStrideBytes() == 0 {
		if !bytes.Equal(memory, expected) || !bytes.Equal(samplesAsBytes(t, buffer), expected) {
			t.Fatal("not what was captured")
		}
		return
	}
	frameBytes := sampleBytes * buffer.ChannelCount()
	for channel := range buffer.ChannelCount() {
		plane, err := buffer.ChannelBytes(channel)
		check(t, err)
		if uintptr(unsafe.Pointer(&plane[0])) != buffer.DataAddress()+uintptr(channel*buffer.PlaneStrideBytes()) {
			t.Fatal("a plane is somewhere else")
		}
		for i := range buffer.FrameCount() {
			at := i*frameBytes + channel*sampleBytes
			if !bytes.Equal(plane[i*sampleBytes:(i+1)*sampleBytes], expected[at:at+sampleBytes]) {
				t.Fatalf("channel %d, frame %d: not what was captured", channel, i)
			}
		}
		if !bytes.Equal(channelAsBytes(t, buffer, channel), plane) {
			t.Fatal("Channel shows something else")
		}
	}
}

func asBytes[T Sample](t *testing.T, samples []T, err error) []byte {
	t.Helper()
	check(t, err)
	return SampleBytes(samples)
}

func samplesAsBytes(t *testing.T, buffer *Buffer) []byte {
	t.Helper()
	switch buffer.Format() {
	case FormatU8:
		samples, err := buffer.Uint8s()
		return asBytes(t, samples, err)
	case FormatS16:
		samples, err := buffer.Int16s()
		return asBytes(t, samples, err)
	case FormatS32:
		samples, err := buffer.Int32s()
		return asBytes(t, samples, err)
	case FormatF32:
		samples, err := buffer.Float32s()
		return asBytes(t, samples, err)
	}
	return must(buffer.Bytes())
}

func channelAsBytes(t *testing.T, buffer *Buffer, channel int) []byte {
	t.Helper()
	switch buffer.Format() {
	case FormatU8:
		samples, err := Channel[uint8](buffer, channel)
		return asBytes(t, samples, err)
	case FormatS16:
		samples, err := Channel[int16](buffer, channel)
		return asBytes(t, samples, err)
	case FormatS32:
		samples, err := Channel[int32](buffer, channel)
		return asBytes(t, samples, err)
	case FormatF32:
		samples, err := Channel[float32](buffer, channel)
		return asBytes(t, samples, err)
	}
	return must(buffer.ChannelBytes(channel))
}

func TestViewsThatDoNotFit(t *testing.T) {
	interleaved := borrowOne(t, StreamConfig{})
	planar := borrowOne(t, StreamConfig{Flags: StreamPlanar})
	_, err := interleaved.Int16s()
	expect(t, err, ErrInvalidArgument)
	if text := err.Error(); text != "the buffer's samples are f32, not int16 (ACAP_ERROR_INVALID_ARGUMENT)" {
		t.Error(text)
	}
	_, err = planar.Float32s()
	expect(t, err, ErrInvalidArgument)
	_, err = Channel[float32](interleaved, 0)
	expect(t, err, ErrInvalidArgument)
	for _, channel := range []int{-1, 2} {
		_, err = Channel[float32](planar, channel)
		expect(t, err, ErrInvalidArgument)
		_, err = planar.ChannelBytes(channel)
		expect(t, err, ErrInvalidArgument)
	}
	_, err = Channel[int32](planar, 0)
	expect(t, err, ErrInvalidArgument)
	expect(t, UseSamples(planar, func([]float32) error { return nil }), ErrInvalidArgument)
}

func TestHeader(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	advance(t, stream, 2*frames)
	one, two := must(reader.TryBorrow()), must(reader.TryBorrow())
	if one.Position() != 0 || two.Position() != frames || one.LostBefore() != 0 || one.Flags() != 0 {
		t.Error(one, two)
	}
	if apart := two.TimeNS() - one.TimeNS(); apart < 9_900_000 || apart > 10_100_000 {
		t.Errorf("%d ns apart", apart)
	}
	if one.TimeErrorNS() < 0 || one.TimeErrorNS() > TimeErrorUnknown {
		t.Error(one.TimeErrorNS())
	}
	if one.FrameCount() != frames || one.ChannelCount() != 2 || one.SampleRateHz() != 48_000 || one.Format() != FormatF32 ||
		one.SizeBytes() != 3840 || one.PlaneStrideBytes() != 0 || one.DataAddress()%64 != 0 {
		t.Errorf("%+v", one.header)
	}
	release(t, one)
	release(t, two)
	if two.Position() != frames || two.String() != "buffer of 480 frames from 480" {
		t.Error("the header does not stay readable")
	}
}

func TestReleaseTwice(t *testing.T) {
	buffer := borrowOne(t, StreamConfig{})
	if buffer.Released() || buffer.ReferenceCount() != 1 {
		t.Error("a new buffer is not held once")
	}
	release(t, buffer)
	for range 2 {
		err := buffer.Release()
		expect(t, err, ErrReleased)
		expect(t, err, ErrInvalidState)
		expect(t, err, fs.ErrClosed)
	}
	if !buffer.Released() || buffer.ReferenceCount() != 0 {
		t.Error("it is not released")
	}
}

func TestAReleasedBufferShowsNothing(t *testing.T) {
	buffer := borrowOne(t, StreamConfig{})
	release(t, buffer)
	neverCalled := func([]byte) error { panic("called") }
	for name, call := range map[string]func() error{
		"Bytes":         func() error { _, err := buffer.Bytes(); return err },
		"CopyTo":        func() error { _, err := buffer.CopyTo(make([]byte, 1)); return err },
		"WritableBytes": func() error { _, err := buffer.WritableBytes(); return err },
		"Float32s":      func() error { _, err := buffer.Float32s(); return err },
		"Channel":       func() error { _, err := Channel[float32](buffer, 0); return err },
		"ChannelBytes":  func() error { _, err := buffer.ChannelBytes(0); return err },
		"Measure":       func() error { _, err := buffer.Measure(); return err },
		"Retain":        func() error { _, err := buffer.Retain(); return err },
		"Use":           func() error { return buffer.Use(neverCalled) },
		"UseSamples":    func() error { return UseSamples(buffer, func([]float32) error { panic("called") }) },
	} {
		t.Run(name, func(t *testing.T) { expect(t, call(), ErrReleased) })
	}
}

// What Use looks at stays what it is, although the buffer is released and the device fills others.
func TestUseHoldsTheBuffer(t *testing.T) {
	stream := openRunning(t, StreamConfig{PoolBuffersMin: 4, PoolBuffersMax: 4})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 1, HoldBuffers: 1})
	advance(t, stream, frames)
	buffer := must(reader.TryBorrow())
	pool := poolOf(t, stream)
	check(t, UseSamples(buffer, func(samples []float32) error {
		release(t, buffer)
		advance(t, stream, 100*frames)
		if !counts(samples, 0, 2) {
			t.Error("the memory was filled again")
		}
		if inUse := checkPool(t, pool).InUse; inUse != 2 {
			t.Errorf("%d buffers are out", inUse)
		}
		return nil
	}))
	if inUse := checkPool(t, pool).InUse; inUse != 1 {
		t.Errorf("%d buffers are out", inUse)
	}
}

func TestCopyTo(t *testing.T) {
	buffer := borrowOne(t, StreamConfig{})
	expected := counterFrames(0, frames, 2, FormatF32)
	for _, size := range []int{0, 5, 3840, 5000} {
		target := make([]byte, size)
		count := must(buffer.CopyTo(target))
		if count != min(size, 3840) || !bytes.Equal(target[:count], expected[:count]) {
			t.Errorf("%d bytes of %d", count, size)
		}
	}
}

func TestTwoReadersShareTheMemory(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	readers := []*Reader{openReader(t, stream, ReaderConfig{}), openReader(t, stream, ReaderConfig{})}
	advance(t, stream, frames)
	one, two := must(readers[0].TryBorrow()), must(readers[1].TryBorrow())
	if one.DataAddress() != two.DataAddress() || one.ReferenceCount() != 2 {
		t.Error("they do not share")
	}
	_, err := one.WritableBytes()
	expect(t, err, ErrInvalidState)
	release(t, one)
	must(two.WritableBytes())[0] = 77
	if must(two.Bytes())[0] != 77 {
		t.Error("it was written elsewhere")
	}
	three := must(two.Retain())
	if two.ReferenceCount() != 2 {
		t.Error(two.ReferenceCount())
	}
	release(t, two)
	if inUse := checkPool(t, poolOf(t, stream)).InUse; inUse != 1 {
		t.Errorf("%d buffers are out", inUse)
	}
	release(t, three)
}

func TestMeasure(t *testing.T) {
	stream := openRunning(t, StreamConfig{Device: "push:", Format: FormatF32, FramesPerBuffer: 4})
	reader := openReader(t, stream, ReaderConfig{})
	check(t, stream.Push(SampleBytes([]float32{0.5, 0, -0.5, 0, 0.5, -1, -0.5, 0}), 0))
	buffer := must(reader.TryBorrow())
	levels := must(buffer.Measure())
	release(t, buffer)
	if len(levels.Peak) != 2 || levels.Peak[0] != 0.5 || levels.Peak[1] != 1 || len(levels.RMS) != 2 ||
		math.Abs(float64(levels.RMS[0])-0.5) > 1e-6 || math.Abs(float64(levels.RMS[1])-0.5) > 1e-6 ||
		levels.Clipped != 1 || levels.Zeros != 3 {
		t.Errorf("%+v", levels)
	}
	pool := must(NewPool(PoolConfig{BufferSizeBytes: 64}))
	bare := must(pool.Acquire())
	_, err := bare.Measure()
	expect(t, err, ErrInvalidArgument)
	release(t, bare)
	check(t, pool.Close())
}

func BenchmarkPacket(b *testing.B) {
	const block = 64
	stream := openRunning(b, StreamConfig{})
	reader := openReader(b, stream, ReaderConfig{QueueBuffers: block})
	var sum float32
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%block == 0 {
			b.StopTimer()
			advance(b, stream, block*frames)
			b.StartTimer()
		}
		buffer, err := reader.TryBorrow()
		if err != nil {
			b.Fatal(err)
		}
		samples, err := buffer.Float32s()
		if err != nil {
			b.Fatal(err)
		}
		sum += samples[0]
		_ = buffer.Release()
	}
}
