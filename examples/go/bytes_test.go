// SPDX-License-Identifier: MIT

package acap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// loseSome lets a reader with a queue of four buffers lose some in the middle and some at the end, and gives what a file
// that keeps time has of it.
func loseSome(t testing.TB, stream *Stream, format Format) (expected []byte) {
	t.Helper()
	advance(t, stream, 10*frames)
	check(t, stream.Stop())
	const channels = 2
	expected = counterFrames(0, 4*frames, channels, format)
	return append(expected, format.Silence(6*frames*channels*format.Bytes())...)
}

func openBytes(t testing.TB, format Format, fillLosses bool) (*Stream, *ByteReader) {
	t.Helper()
	stream := openRunning(t, StreamConfig{Format: format})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 4, Overflow: OverflowDropNewest})
	octets, err := NewByteReader(t.Context(), reader, fillLosses)
	check(t, err)
	t.Cleanup(func() { _ = octets.Close() })
	return stream, octets
}

func TestByteReader(t *testing.T) {
	for _, format := range formats {
		t.Run(format.String(), func(t *testing.T) {
			stream, octets := openBytes(t, format, true)
			expected := loseSome(t, stream, format)
			check(t, iotest.TestReader(octets, expected))
			if octets.FramesSilent != 6*frames {
				t.Errorf("%d frames of silence", octets.FramesSilent)
			}
			if inUse := checkPool(t, poolOf(t, stream)).InUse; inUse != 0 {
				t.Errorf("%d buffers are out", inUse)
			}
		})
	}
}

func TestByteReaderLeavesOut(t *testing.T) {
	stream, octets := openBytes(t, FormatS16, false)
	expected := loseSome(t, stream, FormatS16)[:4*frames*4]
	got, err := io.ReadAll(octets)
	check(t, err)
	if !bytes.Equal(got, expected) || octets.FramesSilent != 0 {
		t.Errorf("%d bytes, not %d", len(got), len(expected))
	}
}

// A gap in the middle, and a stream that goes on: byte n*frame is frame n.
func TestByteReaderFillsGaps(t *testing.T) {
	stream, octets := openBytes(t, FormatS16, true)
	advance(t, stream, 6*frames)
	var got bytes.Buffer
	_, err := io.CopyN(&got, octets, 4*frames*4)
	check(t, err)
	advance(t, stream, 2*frames)
	check(t, stream.Stop())
	count, err := io.Copy(&got, octets) // by WriteTo
	check(t, err)
	expected := counterFrames(0, 8*frames, 2, FormatS16)
	clear(expected[4*frames*4 : 6*frames*4])
	if !bytes.Equal(got.Bytes(), expected) || count != 4*frames*4 {
		t.Errorf("%d bytes, not %d", got.Len(), len(expected))
	}
}

func TestByteReaderBeginsInTheMiddle(t *testing.T) {
	stream := openRunning(t, StreamConfig{Format: FormatS16})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 4})
	advance(t, stream, 2*frames)
	release(t, must(reader.TryBorrow()))
	octets := must(NewByteReader(t.Context(), reader, true))
	check(t, stream.Stop())
	if got := must(io.ReadAll(octets)); !bytes.Equal(got, counterFrames(frames, frames, 2, FormatS16)) {
		t.Errorf("%d bytes", len(got))
	}
}

type failingWriter struct{ left int }

var errFull = errors.New("full")

func (w *failingWriter) Write(octets []byte) (int, error) {
	count := min(w.left, len(octets))
	if w.left -= count; count < len(octets) {
		return count, errFull
	}
	return count, nil
}

// A writer that fails loses nothing: what it did not take is still to be read.
func TestByteReaderAfterAFailure(t *testing.T) {
	stream, octets := openBytes(t, FormatS16, true)
	expected := loseSome(t, stream, FormatS16)
	count, err := octets.WriteTo(&failingWriter{left: 1001})
	if count != 1001 || !errors.Is(err, errFull) {
		t.Fatal(count, err)
	}
	if got := must(io.ReadAll(octets)); !bytes.Equal(got, expected[1001:]) {
		t.Errorf("%d bytes", len(got))
	}
}

func TestByteReaderCancelled(t *testing.T) {
	stream := openRunning(t, StreamConfig{Flags: StreamPlanar})
	_, err := NewByteReader(t.Context(), openReader(t, stream, ReaderConfig{}), true)
	expect(t, err, ErrInvalidArgument)

	stream = openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	octets := must(NewByteReader(ctx, reader, true))
	advance(t, stream, frames)
	if _, err := io.ReadFull(octets, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadFull(octets, make([]byte, 3740)); err != nil { // what is at hand
		t.Fatal(err)
	}
	_, err = octets.Read(make([]byte, 1))
	expect(t, err, context.Canceled)
	check(t, octets.Close())
	expect(t, octets.Close(), ErrClosed)
	_, err = octets.Read(make([]byte, 1))
	expect(t, err, ErrClosed)
	if count, err := octets.Read(nil); count != 0 || err != nil {
		t.Error(count, err)
	}
}

// Whatever the sizes of the reads and the losses, the bytes are those of a device that keeps time.
func FuzzByteReader(f *testing.F) {
	f.Add(uint16(1), uint8(3), uint8(9))
	f.Add(uint16(3841), uint8(0), uint8(20))
	f.Add(uint16(7), uint8(4), uint8(4))
	f.Fuzz(func(t *testing.T, readBytes uint16, first, second uint8) {
		stream, octets := openBytes(t, FormatS16, true)
		var got []byte
		for _, count := range []uint8{first % 32, second % 32} {
			advance(t, stream, uint64(count)*frames)
			part := make([]byte, int(readBytes))
			read, err := io.ReadFull(octets, part[:min(len(part), int(min(count, 4))*frames*4)])
			check(t, err)
			got = append(got, part[:read]...)
		}
		check(t, stream.Stop())
		got = append(got, must(io.ReadAll(octets))...)
		checkKeepsTime(t, got, uint64(first%32)+uint64(second%32))
	})
}

func checkKeepsTime(t *testing.T, got []byte, buffers uint64) {
	t.Helper()
	if uint64(len(got)) != buffers*frames*4 {
		t.Fatalf("%d bytes of %d buffers", len(got), buffers)
	}
	for i := range int(buffers) {
		part := got[i*frames*4 : (i+1)*frames*4]
		if !bytes.Equal(part, counterFrames(uint64(i)*frames, frames, 2, FormatS16)) && !bytes.Equal(part, make([]byte, frames*4)) {
			t.Fatalf("buffer %d is neither what was captured nor silence", i)
		}
	}
}
