// SPDX-License-Identifier: MIT

// Package wav writes WAV files of any acap format; beyond 4 GB they become RF64.
package wav

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"

	"acap"
)

const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xfffe

	sizes64Bytes      = 28 // of the chunk that RF64 needs; in a small file it is junk
	silenceBlockBytes = 1 << 14
)

// What follows the tag in the subformat of an extensible file.
var guidTail = []byte{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71}

// A Writer is a WAV file that is being written. Its header is right after every second of sound, so that a file that is
// never closed, because the power fails, plays but for its last second.
type Writer struct {
	out          io.WriteSeeker
	closer       io.Closer
	format       acap.Format
	sampleRateHz uint32
	channelCount uint32
	frameBytes   int
	dataBytes    uint64
	nextHeader   uint64 // frames at which the header is written again
	silence      []byte
	isClosed     bool
}

// Create makes a file anew.
func Create(path string, format acap.Format, sampleRateHz, channelCount uint32) (*Writer, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w, err := New(file, format, sampleRateHz, channelCount)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	w.closer = file
	return w, nil
}

// New begins a file in something that can be written from its beginning on.
func New(out io.WriteSeeker, format acap.Format, sampleRateHz, channelCount uint32) (*Writer, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, errors.New("WAV files are little endian, and this machine is not")
	}
	if format.Bytes() == 0 || channelCount == 0 || channelCount > acap.MaxChannels || sampleRateHz == 0 {
		return nil, errors.New("no such WAV file: a format, a rate and 1 to 128 channels are needed")
	}
	w := &Writer{
		out:          out,
		format:       format,
		sampleRateHz: sampleRateHz,
		channelCount: channelCount,
		frameBytes:   format.Bytes() * int(channelCount),
		nextHeader:   uint64(sampleRateHz),
	}
	w.silence = format.Silence(max(silenceBlockBytes/w.frameBytes, 1) * w.frameBytes)
	_, err := out.Write(w.header())
	return w, err
}

// FrameBytes is the size of a frame.
func (w *Writer) FrameBytes() int {
	return w.frameBytes
}

// FramesWritten is the length of the file.
func (w *Writer) FramesWritten() uint64 {
	return w.dataBytes / uint64(w.frameBytes)
}

// Write writes interleaved frames, straight from where they are. A failure may leave a part of a frame, which the header
// never counts.
func (w *Writer) Write(frames []byte) (int, error) {
	if w.isClosed {
		return 0, os.ErrClosed
	}
	count, err := w.out.Write(frames)
	w.dataBytes += uint64(count)
	if err == nil && w.FramesWritten() >= w.nextHeader {
		w.nextHeader = w.FramesWritten() + uint64(w.sampleRateHz)
		err = w.updateHeader()
	}
	return count, err
}

// WriteSilence writes digital silence.
func (w *Writer) WriteSilence(frameCount uint64) error {
	for frameCount > 0 {
		count := min(frameCount, uint64(len(w.silence)/w.frameBytes))
		if _, err := w.Write(w.silence[:count*uint64(w.frameBytes)]); err != nil {
			return err
		}
		frameCount -= count
	}
	return nil
}

// Close completes the file.
func (w *Writer) Close() error {
	if w.isClosed {
		return os.ErrClosed
	}
	w.isClosed = true
	err := w.complete()
	if w.closer != nil {
		err = errors.Join(err, w.closer.Close())
	}
	return err
}

func (w *Writer) complete() error {
	if w.wholeBytes() == w.dataBytes && w.dataBytes%2 != 0 {
		if _, err := w.out.Write([]byte{0}); err != nil { // chunks have an even length
			return err
		}
	}
	return w.updateHeader()
}

func (w *Writer) wholeBytes() uint64 {
	return w.FramesWritten() * uint64(w.frameBytes)
}

func (w *Writer) updateHeader() error {
	if _, err := w.out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := w.out.Write(w.header()); err != nil {
		return err
	}
	_, err := w.out.Seek(0, io.SeekEnd)
	return err
}

func (w *Writer) header() []byte {
	data := w.wholeBytes()
	chunks := chunk(nil, "fmt ", w.formatChunk())
	if w.format == acap.FormatF32 {
		frames := uint32(min(w.FramesWritten(), math.MaxUint32))
		chunks = chunk(chunks, "fact", binary.LittleEndian.AppendUint32(nil, frames))
	}
	// "WAVE", the room for the sizes, the chunks, the head of "data", and an even number of bytes
	riff := 4 + 8 + sizes64Bytes + uint64(len(chunks)) + 8 + data + data%2
	if riff <= math.MaxUint32 {
		head := append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(riff)), "WAVE"...)
		head = append(chunk(head, "JUNK", make([]byte, sizes64Bytes)), chunks...)
		return binary.LittleEndian.AppendUint32(append(head, "data"...), uint32(data))
	}
	head := append(binary.LittleEndian.AppendUint32([]byte("RF64"), math.MaxUint32), "WAVE"...)
	head = append(chunk(head, "ds64", w.sizes64(riff, data)), chunks...)
	return binary.LittleEndian.AppendUint32(append(head, "data"...), math.MaxUint32)
}

func (w *Writer) sizes64(riff, data uint64) []byte {
	sizes := binary.LittleEndian.AppendUint64(nil, riff)
	sizes = binary.LittleEndian.AppendUint64(sizes, data)
	sizes = binary.LittleEndian.AppendUint64(sizes, w.FramesWritten())
	return binary.LittleEndian.AppendUint32(sizes, 0)
}

func (w *Writer) formatChunk() []byte {
	tag := uint16(tagPCM)
	if w.format == acap.FormatF32 {
		tag = tagFloat
	}
	isExtensible := w.channelCount > 2
	first := tag
	if isExtensible {
		first = tagExtensible
	}
	bits := uint16(8 * w.format.Bytes())
	content := binary.LittleEndian.AppendUint16(nil, first)
	content = binary.LittleEndian.AppendUint16(content, uint16(w.channelCount))
	content = binary.LittleEndian.AppendUint32(content, w.sampleRateHz)
	content = binary.LittleEndian.AppendUint32(content, w.sampleRateHz*uint32(w.frameBytes))
	content = binary.LittleEndian.AppendUint16(content, uint16(w.frameBytes))
	content = binary.LittleEndian.AppendUint16(content, bits)
	switch {
	case isExtensible:
		content = binary.LittleEndian.AppendUint16(content, 22)
		content = binary.LittleEndian.AppendUint16(content, bits)
		content = binary.LittleEndian.AppendUint32(content, 0) // no channel has a place
		content = binary.LittleEndian.AppendUint16(content, tag)
		content = append(content, guidTail...)
	case tag == tagFloat:
		content = binary.LittleEndian.AppendUint16(content, 0)
	}
	return content
}

func chunk(head []byte, name string, content []byte) []byte {
	head = binary.LittleEndian.AppendUint32(append(head, name...), uint32(len(content)))
	return append(head, content...)
}
