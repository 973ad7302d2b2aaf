// SPDX-License-Identifier: MIT

package acap

import (
	"context"
	"errors"
	"io"
)

const silenceBlockBytes = 1 << 14

// A ByteReader is an io.ReadCloser and io.WriterTo of a Reader's interleaved frames: continuous bytes, and io.EOF at
// the end. A wait ends with the error of the context.Context that it was made with. For one goroutine at a time.
type ByteReader struct {
	ctx        context.Context
	reader     *Reader
	silence    []byte // a block of it; nil: what was lost is left out
	frameBytes int

	hasBegun     bool // before, it is not known what was lost
	nextPosition uint64
	gapBytes     uint64  // of silence that come before the rest of the buffer
	buffer       *Buffer // nil: the next one is to be borrowed
	rest         []byte  // of the buffer
	err          error   // what comes when all that is at hand was read
	isClosed     bool

	// FramesSilent is how many frames of silence there have been for lost ones.
	FramesSilent uint64
}

// NewByteReader makes a ByteReader. fillLosses: frames that were lost, by whatever cause, become silence, so that byte
// n*frame is always frame n since the reader was opened, and the bytes keep time. (If something was borrowed from it
// already, since the next buffer.) The stream must be interleaved. The Reader stays the caller's, who must not borrow
// from it meanwhile.
func NewByteReader(ctx context.Context, reader *Reader, fillLosses bool) (*ByteReader, error) {
	info, err := reader.Stream().Info()
	if err != nil {
		return nil, err
	}
	stats, err := reader.Stats()
	if err != nil {
		return nil, err
	}
	if info.Flags&StreamPlanar != 0 && info.ChannelCount > 1 {
		return nil, invalid("a planar stream has no continuous bytes")
	}
	b := &ByteReader{
		ctx:          ctx,
		reader:       reader,
		frameBytes:   info.Format.Bytes() * int(info.ChannelCount),
		hasBegun:     stats.FramesDelivered == 0,
		nextPosition: stats.StartPosition,
	}
	if fillLosses {
		b.silence = info.Format.Silence(silenceBlockBytes)
	}
	return b, nil
}

// Silence makes so many bytes of digital silence.
func (f Format) Silence(sizeBytes int) []byte {
	silence := make([]byte, sizeBytes)
	if f == FormatU8 {
		for i := range silence {
			silence[i] = 128
		}
	}
	return silence
}

// Read copies what is at hand, and waits if that is nothing.
func (b *ByteReader) Read(target []byte) (int, error) {
	if len(target) == 0 {
		return 0, nil
	}
	part, err := b.next()
	if err != nil {
		return 0, err
	}
	count := copy(target, part)
	b.advance(count)
	return count, nil
}

// WriteTo writes everything until the end, straight from the memory that was captured into.
func (b *ByteReader) WriteTo(writer io.Writer) (int64, error) {
	var total int64
	for {
		part, err := b.next()
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		count, err := writer.Write(part)
		total += int64(count)
		b.advance(count)
		if err != nil {
			return total, err
		}
		if count < len(part) {
			return total, io.ErrShortWrite
		}
	}
}

// Close gives the buffer back that is being read. The Reader stays open.
func (b *ByteReader) Close() error {
	if b.isClosed {
		return ErrClosed
	}
	b.isClosed = true
	return b.release()
}

// next is what can be read at once, and is never empty without an error.
func (b *ByteReader) next() ([]byte, error) {
	for {
		switch {
		case b.isClosed:
			return nil, ErrClosed
		case b.gapBytes > 0:
			return b.silence[:min(b.gapBytes, uint64(len(b.silence)))], nil
		case len(b.rest) > 0:
			return b.rest, nil
		case b.err != nil:
			return nil, b.err
		}
		if err := b.borrow(); err != nil {
			return nil, err
		}
	}
}

func (b *ByteReader) advance(count int) {
	if b.gapBytes > 0 {
		b.gapBytes -= uint64(count)
		return
	}
	if b.rest = b.rest[count:]; len(b.rest) == 0 {
		_ = b.release() // nobody else has this Buffer
	}
}

func (b *ByteReader) release() error {
	buffer := b.buffer
	b.buffer, b.rest = nil, nil
	if buffer == nil {
		return nil
	}
	return buffer.Release()
}

// borrow gets the next buffer. Errors that time may heal are returned; the end is noted, behind the silence for what was
// lost after the last buffer.
func (b *ByteReader) borrow() error {
	buffer, err := b.reader.Borrow(b.ctx)
	if errors.Is(err, ErrEnd) {
		return b.noteEnd()
	}
	if err != nil {
		return err
	}
	rest, err := buffer.Bytes()
	if err != nil {
		return err
	}
	b.buffer, b.rest = buffer, rest
	b.skipTo(buffer.Position())
	b.nextPosition = buffer.Position() + uint64(buffer.FrameCount())
	return nil
}

func (b *ByteReader) noteEnd() error {
	stats, err := b.reader.Stats()
	if err != nil {
		return err
	}
	if stats.FramesQueued == 0 { // a stream that was started again is not at its end
		b.skipTo(stats.EndPosition)
	}
	b.err = io.EOF
	return nil
}

func (b *ByteReader) skipTo(position uint64) {
	if b.silence != nil && b.hasBegun && position > b.nextPosition {
		frames := position - b.nextPosition
		b.gapBytes = frames * uint64(b.frameBytes)
		b.FramesSilent += frames
	}
	b.nextPosition, b.hasBegun = position, true
}
