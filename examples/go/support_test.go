// SPDX-License-Identifier: MIT

package acap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
)

const (
	// A counting device that captures only when told to: 480 frames of 48 kHz stereo a callback.
	counter = "sim:counter?pace=manual&period=480"
	// Frames in a buffer of 10 ms.
	frames = 480
	// Nothing in a test takes so long.
	long = 60 * time.Second
)

// TestMain fails when the tests leave a goroutine behind.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	status := m.Run()
	if status == 0 && !settles(func() bool { return runtime.NumGoroutine() <= before }) {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		fmt.Fprintf(os.Stderr, "goroutines were left behind: %d, and %d before\n", runtime.NumGoroutine(), before)
		status = 1
	}
	os.Exit(status)
}

// settles waits until something is so that other goroutines or the collector bring about.
func settles(isSo func() bool) bool {
	for end := time.Now().Add(long); !isSo(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got %v, not %v", err, target)
	}
}

func openContext(t testing.TB) *Context {
	t.Helper()
	audio, err := NewContext(ContextConfig{Backend: "sim"})
	check(t, err)
	t.Cleanup(func() { _ = audio.Close() })
	return audio
}

// openStream opens a stream, of the counter if nothing else is said, whose account is checked at the end.
func openStream(t testing.TB, audio *Context, config StreamConfig) *Stream {
	t.Helper()
	if config.Device == "" {
		config.Device = counter
	}
	stream, err := audio.OpenStream(config)
	check(t, err)
	t.Cleanup(func() {
		if !stream.isClosed() {
			checkStream(t, stream)
			_ = stream.Close()
		}
	})
	return stream
}

// openRunning opens the counter in a context of its own, and starts it.
func openRunning(t testing.TB, config StreamConfig) *Stream {
	t.Helper()
	stream := openStream(t, openContext(t), config)
	check(t, stream.Start())
	return stream
}

// openReader opens a reader, whose account is checked at the end.
func openReader(t testing.TB, stream *Stream, config ReaderConfig) *Reader {
	t.Helper()
	reader, err := stream.OpenReader(config)
	check(t, err)
	t.Cleanup(func() {
		if !reader.isClosed() {
			checkReader(t, reader)
			_ = reader.Close()
		}
	})
	return reader
}

func checkReader(t testing.TB, reader *Reader) ReaderStats {
	t.Helper()
	stats, err := reader.Stats()
	check(t, err)
	if stats.StartPosition+stats.FramesDelivered+stats.FramesLost+stats.FramesQueued != stats.EndPosition ||
		stats.FramesLost != stats.LostStream+stats.LostQueue {
		t.Errorf("the reader's account is wrong: %+v", stats)
	}
	return stats
}

func checkStream(t testing.TB, stream *Stream) StreamStats {
	t.Helper()
	stats, err := stream.Stats()
	check(t, err)
	if stats.Position != stats.FramesCaptured+stats.FramesLost || stats.FramesLost != stats.LostPool+stats.LostHost {
		t.Errorf("the stream's account is wrong: %+v", stats)
	}
	return stats
}

func checkPool(t testing.TB, pool *Pool) PoolStats {
	t.Helper()
	stats, err := pool.Stats()
	check(t, err)
	if stats.Acquired != stats.Released+uint64(stats.InUse) || stats.FreeBuffers != stats.Capacity-stats.InUse {
		t.Errorf("the pool's account is wrong: %+v", stats)
	}
	return stats
}

func poolOf(t testing.TB, stream *Stream) *Pool {
	t.Helper()
	pool, err := stream.Pool()
	check(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// An account adds up what a consumer got, to compare with what the reader says.
type account struct {
	reader       *Reader
	next         uint64
	frames, gaps uint64
}

func newAccount(t testing.TB, reader *Reader) *account {
	t.Helper()
	return &account{reader: reader, next: checkReader(t, reader).StartPosition}
}

func (a *account) add(t testing.TB, buffer *Buffer) {
	t.Helper()
	if buffer.Position() < a.next {
		t.Fatalf("frames came twice or out of order: %d after %d", buffer.Position(), a.next)
	}
	a.gaps += buffer.Position() - a.next
	a.frames += uint64(buffer.FrameCount())
	a.next = buffer.Position() + uint64(buffer.FrameCount())
}

// check compares, once the queue is empty.
func (a *account) check(t testing.TB) {
	t.Helper()
	stats := checkReader(t, a.reader)
	if stats.FramesQueued != 0 || stats.FramesDelivered != a.frames || stats.FramesLost != a.gaps+stats.EndPosition-a.next {
		t.Errorf("the consumer's account is another one: %+v, %+v", *a, stats)
	}
}

// counterSample is the sample of channel c in frame n of sim:counter, by the formula in acap.h, as bytes.
func counterSample(sample []byte, n uint64, c int, format Format) []byte {
	x, channel := uint32(n), uint32(c)
	switch format {
	case FormatS16:
		return binary.NativeEndian.AppendUint16(sample, uint16(x+channel*0x1111))
	case FormatS24:
		whole := binary.LittleEndian.AppendUint32(nil, x+channel*0x010101)
		return append(sample, whole[:3]...)
	case FormatS32:
		return binary.NativeEndian.AppendUint32(sample, x<<8|channel)
	case FormatF32:
		return binary.NativeEndian.AppendUint32(sample, math.Float32bits(counterFloat(n, c)))
	}
	return append(sample, byte(x+channel*17))
}

func counterFloat(n uint64, c int) float32 {
	return float32(int32((uint32(n)+uint32(c)*0x010101)&0xffffff)-1<<23) / (1 << 23)
}

// counterFrames is what an interleaved buffer of sim:counter holds.
func counterFrames(position uint64, frameCount, channelCount int, format Format) []byte {
	var expected []byte
	for i := range frameCount {
		for c := range channelCount {
			expected = counterSample(expected, position+uint64(i), c, format)
		}
	}
	return expected
}

// counts proves that a buffer of sim:counter, F32 and interleaved, holds the frames that its position says. Nothing else
// writes to the memory that it looks at, and the race detector would take most of the time.
//
//go:norace
func counts(samples []float32, position uint64, channelCount int) bool {
	for i, sample := range samples {
		if sample != counterFloat(position+uint64(i/channelCount), i%channelCount) {
			return false
		}
	}
	return len(samples) > 0
}

func checkCounts(t testing.TB, buffer *Buffer) {
	t.Helper()
	samples, err := buffer.Float32s()
	check(t, err)
	if len(samples) != buffer.FrameCount()*buffer.ChannelCount() || !counts(samples, buffer.Position(), buffer.ChannelCount()) {
		t.Fatalf("%v does not hold what was captured", buffer)
	}
}

func advance(t testing.TB, stream *Stream, frameCount uint64) {
	t.Helper()
	check(t, stream.SimAdvance(frameCount))
}

func release(t testing.TB, buffer *Buffer) {
	t.Helper()
	check(t, buffer.Release())
}

// drain borrows and releases all that is queued, and gives the positions.
func drain(t testing.TB, reader *Reader) (positions []uint64) {
	t.Helper()
	for {
		buffer, err := reader.TryBorrow()
		if errors.Is(err, ErrTimedOut) || errors.Is(err, ErrEnd) {
			return positions
		}
		check(t, err)
		checkCounts(t, buffer)
		positions = append(positions, buffer.Position())
		release(t, buffer)
	}
}
