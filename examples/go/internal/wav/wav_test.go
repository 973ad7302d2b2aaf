// SPDX-License-Identifier: MIT

package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"acap"
)

// A memory is a file in memory.
type memory struct {
	octets []byte
	at     int
	room   int // bytes that it may still grow; 0: any
	isFull bool
}

var errFull = errors.New("no space left")

func (m *memory) Write(octets []byte) (int, error) {
	count := len(octets)
	if grows := m.at + count - len(m.octets); grows > 0 {
		if m.isFull {
			count = max(count-max(grows-m.room, 0), 0)
			m.room = max(m.room-grows, 0)
		}
		m.octets = append(m.octets, make([]byte, max(m.at+count-len(m.octets), 0))...)
	}
	copy(m.octets[m.at:], octets[:count])
	m.at += count
	if count < len(octets) {
		return count, errFull
	}
	return count, nil
}

func (m *memory) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		offset += int64(len(m.octets))
	}
	m.at = int(offset)
	return offset, nil
}

// chunks reads a file. Of the last chunk it takes what is there: the file may not be complete.
func chunks(t testing.TB, octets []byte) (kind string, riff uint32, found map[string][]byte) {
	t.Helper()
	if len(octets) < 12 || string(octets[8:12]) != "WAVE" {
		t.Fatalf("no WAV file: %q", octets)
	}
	found = map[string][]byte{}
	for at := 12; at+8 <= len(octets); {
		size := int(binary.LittleEndian.Uint32(octets[at+4:]))
		name, content := string(octets[at:at+4]), octets[at+8:min(at+8+size, len(octets))]
		found[name] = content
		at += 8 + size + size%2
	}
	return string(octets[:4]), binary.LittleEndian.Uint32(octets[4:]), found
}

func checkComplete(t testing.TB, octets, data []byte) map[string][]byte {
	t.Helper()
	kind, riff, found := chunks(t, octets)
	if kind != "RIFF" || int(riff) != len(octets)-8 || len(octets)%2 != 0 {
		t.Errorf("%s of %d bytes in a file of %d", kind, riff, len(octets))
	}
	if !bytes.Equal(found["data"], data) {
		t.Errorf("%d bytes of data, not %d", len(found["data"]), len(data))
	}
	return found
}

func TestHeaders(t *testing.T) {
	for _, one := range []struct {
		format       acap.Format
		channelCount uint32
		chunk        string
		hasFact      bool
	}{
		{acap.FormatS16, 1, "\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00", false},
		{acap.FormatU8, 2, "\x01\x00\x02\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x08\x00", false},
		{acap.FormatS24, 2, "\x01\x00\x02\x00\x80\xbb\x00\x00\x00\x65\x04\x00\x06\x00\x18\x00", false},
		{acap.FormatF32, 2, "\x03\x00\x02\x00\x80\xbb\x00\x00\x00\xdc\x05\x00\x08\x00\x20\x00\x00\x00", true},
		{acap.FormatS32, 3, "\xfe\xff\x03\x00\x80\xbb\x00\x00\x00\xca\x08\x00\x0c\x00\x20\x00" +
			"\x16\x00\x20\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", false},
	} {
		t.Run(one.format.String(), func(t *testing.T) {
			var file memory
			w, err := New(&file, one.format, 48_000, one.channelCount)
			check(t, err)
			data := bytes.Repeat([]byte{1, 2, 3}, w.FrameBytes()*4)
			_, err = w.Write(data)
			check(t, err)
			check(t, w.Close())
			found := checkComplete(t, file.octets, data)
			if string(found["fmt "]) != one.chunk {
				t.Errorf("%q", found["fmt "])
			}
			if fact, isThere := found["fact"]; isThere != one.hasFact || isThere && binary.LittleEndian.Uint32(fact) != 12 {
				t.Errorf("%q", fact)
			}
			if err := w.Close(); !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
			if _, err := w.Write(data); !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFileBeyond4GBIsRF64(t *testing.T) {
	var file memory
	w, err := New(&file, acap.FormatS16, 48_000, 2)
	check(t, err)
	_, err = w.Write(make([]byte, 400))
	check(t, err)
	w.dataBytes += 1 << 33 // as if they had been written
	check(t, w.Close())
	kind, riff, found := chunks(t, file.octets)
	sizes := found["ds64"]
	data := uint64(1<<33 + 400)
	if kind != "RF64" || riff != math.MaxUint32 || len(sizes) != 28 ||
		binary.LittleEndian.Uint64(sizes) != data+4+36+24+8 || binary.LittleEndian.Uint64(sizes[8:]) != data ||
		binary.LittleEndian.Uint64(sizes[16:]) != data/4 {
		t.Errorf("%s %#x %q", kind, riff, sizes)
	}
	if !bytes.Contains(file.octets, []byte("data\xff\xff\xff\xff")) {
		t.Error("the data chunk has another size")
	}
	if _, isThere := found["JUNK"]; isThere {
		t.Error("there is junk left")
	}
}

func TestTheLastRIFFIsNotRF64(t *testing.T) {
	for _, one := range []struct {
		beyond uint64
		kind   string
	}{{0, "RIFF"}, {2, "RF64"}} {
		var file memory
		w, err := New(&file, acap.FormatS16, 48_000, 1)
		check(t, err)
		w.dataBytes = math.MaxUint32 - 1 - (4 + 36 + 24 + 8) + one.beyond
		check(t, w.updateHeader())
		if kind, _, _ := chunks(t, file.octets); kind != one.kind {
			t.Errorf("%s at %d bytes", kind, w.dataBytes)
		}
	}
}

func TestAFileOfOddLength(t *testing.T) {
	var file memory
	w, err := New(&file, acap.FormatU8, 8000, 1)
	check(t, err)
	check(t, w.WriteSilence(3))
	check(t, w.Close())
	checkComplete(t, file.octets, []byte{128, 128, 128})
}

func TestAFileThatIsNeverClosedPlays(t *testing.T) {
	var file memory
	w, err := New(&file, acap.FormatF32, 8000, 1)
	check(t, err)
	for range 20 {
		check(t, w.WriteSilence(1000))
	}
	at := bytes.Index(file.octets, []byte("data"))
	if size := binary.LittleEndian.Uint32(file.octets[at+4:]); size != 4*16_000 {
		t.Errorf("the header tells of %d bytes", size)
	}
}

// What fits is a proper file, whole frames only.
func TestAFullDisk(t *testing.T) {
	file := memory{isFull: true, room: 80 + 4*10 + 3} // the header, ten frames and a part of one
	w, err := New(&file, acap.FormatS16, 48_000, 2)
	check(t, err)
	if count, err := w.Write(bytes.Repeat([]byte{7}, 400)); !errors.Is(err, errFull) || count != 43 {
		t.Error(count, err)
	}
	if err := w.WriteSilence(1); !errors.Is(err, errFull) {
		t.Error(err)
	}
	check(t, w.Close())
	_, _, found := chunks(t, file.octets)
	if !bytes.Equal(found["data"], bytes.Repeat([]byte{7}, 40)) || w.FramesWritten() != 10 {
		t.Errorf("%d frames, %q", w.FramesWritten(), found["data"])
	}
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.wav")
	w, err := Create(path, acap.FormatS16, 48_000, 2)
	check(t, err)
	check(t, w.WriteSilence(100_000))
	check(t, w.Close())
	octets, err := os.ReadFile(path)
	check(t, err)
	checkComplete(t, octets, make([]byte, 400_000))
	if _, err := Create(filepath.Join(path, "out.wav"), acap.FormatS16, 48_000, 2); err == nil {
		t.Error("a file in a file")
	}
	for _, channelCount := range []uint32{0, acap.MaxChannels + 1} {
		if _, err := New(&memory{}, acap.FormatS16, 48_000, channelCount); err == nil {
			t.Errorf("%d channels", channelCount)
		}
	}
	if _, err := New(&memory{}, acap.FormatNone, 48_000, 2); err == nil {
		t.Error("no format")
	}
}

// Whatever is written in whatever pieces, the file is complete and holds it.
func FuzzWriter(f *testing.F) {
	f.Add(uint8(1), uint8(2), []byte{1, 2, 3, 4, 5, 6, 7, 8}, uint8(3))
	f.Add(uint8(5), uint8(1), []byte{9}, uint8(0))
	f.Add(uint8(4), uint8(128), bytes.Repeat([]byte{1}, 2048), uint8(255))
	f.Fuzz(func(t *testing.T, format, channelCount uint8, data []byte, silent uint8) {
		var file memory
		w, err := New(&file, acap.Format(format), 8, uint32(channelCount)) // so slow that the header is rewritten often
		if err != nil {
			return
		}
		data = data[:len(data)/w.FrameBytes()*w.FrameBytes()]
		for at := 0; at < len(data); at += w.FrameBytes() {
			_, err := w.Write(data[at : at+w.FrameBytes()])
			check(t, err)
		}
		check(t, w.WriteSilence(uint64(silent)))
		check(t, w.Close())
		silence := acap.Format(format).Silence(int(silent) * w.FrameBytes())
		checkComplete(t, file.octets, append(data, silence...))
	})
}
