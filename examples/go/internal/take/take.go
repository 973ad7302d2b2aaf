// SPDX-License-Identifier: MIT

// Package take is the way from a reader's buffers to a file that keeps time: lost frames become silence, and the length
// is exact to the frame.
package take

import (
	"acap"
	"acap/internal/wav"
)

// A Take is one recording: FramesCaptured + FramesSilent == Out.FramesWritten().
type Take struct {
	// Out is the file.
	Out *wav.Writer
	// NextPosition is the stream's position of the next frame of the file.
	NextPosition uint64
	// FrameLimit is how long the file may become; 0: any length.
	FrameLimit uint64

	// FramesCaptured is how many frames of the file came from the device.
	FramesCaptured uint64
	// FramesSilent is how many stand for lost ones.
	FramesSilent uint64
}

// IsFull says whether the file is long enough.
func (t *Take) IsFull() bool {
	return t.FrameLimit != 0 && t.Out.FramesWritten() >= t.FrameLimit
}

// Add writes a buffer, and before it the silence for what was lost since the one before.
func (t *Take) Add(buffer *acap.Buffer) error {
	if err := t.SkipTo(buffer.Position()); err != nil {
		return err
	}
	frames, err := buffer.Bytes()
	if err != nil {
		return err
	}
	count := t.clip(uint64(buffer.FrameCount()))
	if _, err := t.Out.Write(frames[:count*uint64(t.Out.FrameBytes())]); err != nil {
		return err
	}
	t.FramesCaptured += count
	t.NextPosition = buffer.Position() + uint64(buffer.FrameCount())
	return nil
}

// SkipTo writes silence up to a position: frames between were lost, by whatever cause.
func (t *Take) SkipTo(position uint64) error {
	if position <= t.NextPosition {
		return nil
	}
	count := t.clip(position - t.NextPosition)
	if err := t.Out.WriteSilence(count); err != nil {
		return err
	}
	t.FramesSilent += count
	t.NextPosition = position
	return nil
}

func (t *Take) clip(frameCount uint64) uint64 {
	if t.FrameLimit == 0 {
		return frameCount
	}
	return min(frameCount, t.FrameLimit-t.Out.FramesWritten())
}
