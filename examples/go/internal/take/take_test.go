// SPDX-License-Identifier: MIT

package take

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"acap"
	"acap/internal/wav"
)

const frames = 480

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counted is what sim:counter captures in F32 and stereo, but for the buffers that were lost.
func counted(frameCount int, isLost func(buffer int) bool) (expected []byte) {
	for n := range uint32(frameCount) {
		for c := range uint32(2) {
			value := float32(int32((n+c*0x010101)&0xffffff)-1<<23) / (1 << 23)
			if isLost(int(n / frames)) {
				value = 0
			}
			expected = binary.LittleEndian.AppendUint32(expected, math.Float32bits(value))
		}
	}
	return expected
}

// What a queue of four buffers does not hold becomes silence, in the middle and at the end, and the file ends to the frame.
func TestLostFramesBecomeSilence(t *testing.T) {
	audio := must(acap.NewContext(acap.ContextConfig{Backend: "sim"}))
	defer func() { check(t, audio.Close()) }()
	stream := must(audio.OpenStream(acap.StreamConfig{Device: "sim:counter?pace=manual&period=480"}))
	reader := must(stream.OpenReader(acap.ReaderConfig{QueueBuffers: 4, Overflow: acap.OverflowDropNewest}))
	check(t, stream.Start())
	path := filepath.Join(t.TempDir(), "out.wav")
	const length = 26*frames + 17
	take := Take{Out: must(wav.Create(path, acap.FormatF32, 48_000, 2)), FrameLimit: length}
	for _, count := range []uint64{4, 10, 1, 7, 5} {
		check(t, stream.SimAdvance(count*frames))
		addQueued(t, reader, &take)
	}
	if take.IsFull() {
		t.Error("it is full too early")
	}
	stats := must(reader.Stats())
	check(t, take.SkipTo(stats.EndPosition))
	if !take.IsFull() || take.FramesSilent != 9*frames+17 || take.FramesCaptured != 17*frames ||
		take.FramesCaptured+take.FramesSilent != take.Out.FramesWritten() {
		t.Errorf("%+v", take)
	}
	if stats.StartPosition+stats.FramesDelivered+stats.FramesLost+stats.FramesQueued != stats.EndPosition ||
		stats.FramesLost != stats.LostStream+stats.LostQueue {
		t.Errorf("%+v", stats)
	}
	check(t, take.Out.Close())
	expected := counted(length, func(buffer int) bool {
		return buffer >= 8 && buffer < 14 || buffer >= 19 && buffer < 22 || buffer >= 26
	})
	if octets := must(os.ReadFile(path)); !bytes.HasSuffix(octets, expected) {
		t.Error("the file holds something else")
	}
	if errors.Join(reader.Close(), stream.Close()) != nil {
		t.Error("closing")
	}
}

func addQueued(t *testing.T, reader *acap.Reader, take *Take) {
	t.Helper()
	for {
		buffer, err := reader.TryBorrow()
		if errors.Is(err, acap.ErrTimedOut) {
			return
		}
		check(t, err)
		check(t, take.Add(buffer))
		check(t, buffer.Release())
	}
}
