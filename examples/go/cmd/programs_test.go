// SPDX-License-Identifier: MIT

// Package cmd tests the programs as people run them.
package cmd

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const long = 60 * time.Second

var binaries string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	directory, err := os.MkdirTemp("", "acap-go-programs")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(directory) }()
	binaries = directory
	if output, err := exec.Command("go", "build", "-o", directory, "acap/cmd/...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, output)
		return 1
	}
	return m.Run()
}

type outcome struct {
	status   int
	out, err string
}

func start(t *testing.T, program string, arguments ...string) (command *exec.Cmd, out, errs *bytes.Buffer) {
	t.Helper()
	command = exec.Command(filepath.Join(binaries, program), arguments...)
	command.Env = append(os.Environ(), "ACAP_BACKEND=sim")
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	command.Stdout, command.Stderr = out, errs
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(long, func() { _ = command.Process.Kill() })
	t.Cleanup(func() { kill.Stop() })
	return command, out, errs
}

func run(t *testing.T, program string, arguments ...string) outcome {
	t.Helper()
	command, out, errs := start(t, program, arguments...)
	_ = command.Wait() // the status tells
	return outcome{command.ProcessState.ExitCode(), out.String(), errs.String()}
}

func data(t *testing.T, path string) []byte {
	t.Helper()
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(octets, []byte("data"))
	size := int(binary.LittleEndian.Uint32(octets[at+4:]))
	if int(binary.LittleEndian.Uint32(octets[4:])) != len(octets)-8 || len(octets) != at+8+size+size%2 {
		t.Fatalf("the file of %d bytes is not complete: %q", len(octets), octets[:at+8])
	}
	return octets[at+8 : at+8+size]
}

// counted is what sim:counter captures, by the formula in acap.h.
func counted(format string, frameCount, channelCount int) []byte {
	var expected []byte
	for n := range uint32(frameCount) {
		for c := range uint32(channelCount) {
			switch format {
			case "s16":
				expected = binary.LittleEndian.AppendUint16(expected, uint16(n+c*0x1111))
			case "s24":
				expected = binary.LittleEndian.AppendUint32(expected, n+c*0x010101)
				expected = expected[:len(expected)-1]
			case "s32":
				expected = binary.LittleEndian.AppendUint32(expected, n<<8|c)
			case "u8":
				expected = append(expected, byte(n+c*17))
			case "f32":
				value := float32(int32((n+c*0x010101)&0xffffff)-1<<23) / (1 << 23)
				expected, _ = binary.Append(expected, binary.LittleEndian, value)
			}
		}
	}
	return expected
}

var ledgerLine = regexp.MustCompile(`captured (\d+) = recorded (\d+) \+ left out (\d+); ` +
	`lost (\d+) \(host (\d+), pool (\d+), queue (\d+)\); silence written (\d+)`)

type ledger struct{ captured, recorded, left, lost, host, pool, queue, silent int }

func readLedger(t *testing.T, text string) (l ledger) {
	t.Helper()
	match := ledgerLine.FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("no ledger: %s", text)
	}
	for i, figure := range []*int{&l.captured, &l.recorded, &l.left, &l.lost, &l.host, &l.pool, &l.queue, &l.silent} {
		*figure, _ = strconv.Atoi(match[i+1])
	}
	if l.captured != l.recorded+l.left || l.lost != l.host+l.pool+l.queue {
		t.Errorf("%+v", l)
	}
	return l
}

func TestListDevices(t *testing.T) {
	table := run(t, "list_devices")
	lines := strings.Split(strings.TrimSpace(table.out), "\n")
	if table.status != 0 || table.err != "" || !strings.HasPrefix(lines[0], "ID") || strings.Count(table.out, "* sim:") != 1 {
		t.Errorf("%+v", table)
	}
	listed := run(t, "list_devices", "--json")
	var devices []map[string]any
	if err := json.Unmarshal([]byte(listed.out), &devices); err != nil {
		t.Fatal(err, listed)
	}
	if len(devices) != len(lines)-1 {
		t.Errorf("%d devices in JSON, %d lines", len(devices), len(lines))
	}
	for _, key := range []string{"id", "name", "host_api", "max_channel_count", "default_sample_rate_hz", "default", "loopback", "stale"} {
		if _, isThere := devices[0][key]; !isThere {
			t.Errorf("no %s", key)
		}
	}
}

func TestRecord(t *testing.T) {
	for _, format := range []string{"s16", "s24", "s32", "f32", "u8"} {
		t.Run(format, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.wav")
			done := run(t, "record", "-d", "sim:counter", "-r", "44100", "-c", "3", "-f", format, "-t", "0.25", path)
			if done.status != 0 {
				t.Fatal(done)
			}
			const frames = 11_025
			if !bytes.Equal(data(t, path), counted(format, frames, 3)) {
				t.Error("not what was captured")
			}
			if l := readLedger(t, done.err); l.recorded != frames || l.lost != 0 || l.silent != 0 {
				t.Errorf("%+v", l)
			}
			if !strings.Contains(done.err, "0.250 s, 11025 frames of 3 channels "+format+" at 44100 Hz") {
				t.Error(done.err)
			}
		})
	}
}

// A device that is too fast for any disk: the file keeps time all the same, frame by frame.
func TestRecordFillsLosses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.wav")
	done := run(t, "record", "-d", "sim:counter?pace=fast", "-f", "s32", "-t", "30", path)
	if done.status != 0 {
		t.Fatal(done)
	}
	const frames = 30 * 48_000
	got, expected, silent := data(t, path), counted("s32", frames, 2), 0
	if len(got) != len(expected) {
		t.Fatalf("%d bytes, not %d", len(got), len(expected))
	}
	for at := 0; at < len(got); at += 8 {
		switch {
		case bytes.Equal(got[at:at+8], make([]byte, 8)):
			silent++
		case !bytes.Equal(got[at:at+8], expected[at:at+8]):
			t.Fatalf("frame %d is neither what was captured nor silence", at/8)
		}
	}
	if l := readLedger(t, done.err); l.recorded+l.silent != frames || l.silent != silent {
		t.Errorf("%d silent frames, %+v", silent, l)
	}
}

func TestASignalEndsTheFileProperly(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.wav")
			command, _, errs := start(t, "record", "-d", "sim:counter", path)
			for end := time.Now().Add(long); ; time.Sleep(10 * time.Millisecond) {
				if info, err := os.Stat(path); err == nil && info.Size() > 100_000 { // several wake-ups
					break
				}
				if time.Now().After(end) {
					t.Fatal("nothing is recorded")
				}
			}
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := command.Wait(); err != nil {
				t.Fatal(err, errs)
			}
			got := data(t, path)
			l := readLedger(t, errs.String())
			if l.recorded != len(got)/4 || l.captured != l.recorded || l.lost != l.silent {
				t.Errorf("%d frames, %+v", len(got)/4, l)
			}
			if l.lost == 0 && !bytes.Equal(got, counted("s16", len(got)/4, 2)) {
				t.Error("not what was captured")
			}
		})
	}
}

func TestRecordFailsWithAReason(t *testing.T) {
	directory := t.TempDir()
	out := filepath.Join(directory, "out.wav")
	for _, one := range []struct {
		arguments []string
		status    int
		words     string
	}{
		{[]string{"-d", "no such device", out}, 1, "no such device"},
		{[]string{"-d", "sim:sine?fail=start", "-t", "1", out}, 1, "ACAP_ERROR"},
		{[]string{"-d", "sim:counter?unplug=100ms", "-t", "100", out}, 1, "ACAP_ERROR_DEVICE_LOST"},
		{[]string{"-d", "sim:sine", "-t", "0.1", filepath.Join(directory, "no", "out.wav")}, 1, "no such file"},
		{[]string{"-d", "sim:sine", "-t", "0.5", "/dev/full"}, 1, "no space left"},
		{[]string{"-t", "never", out}, 2, "no time in seconds"},
		{[]string{"-f", "s20", out}, 2, "is no format"},
		{[]string{"-c", "0", out}, 2, "no positive number"},
		{[]string{"-x", out}, 2, "not defined"},
		{nil, 2, "1 operands are required"},
		{[]string{"-version"}, 0, ""},
		{[]string{"-help"}, 0, "Usage: acap-go-record"},
	} {
		done := run(t, "record", one.arguments...)
		if done.status != one.status || !strings.Contains(done.err, one.words) || strings.Contains(done.err, "goroutine") {
			t.Errorf("%q: %+v", one.arguments, done)
		}
	}
}

func TestFanOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.wav")
	done := run(t, "fan_out", "-d", "sim:counter", "-t", "0.5", path)
	if done.status != 0 || done.err != "" {
		t.Fatal(done)
	}
	got := data(t, path)
	if !bytes.Equal(got, counted("s16", 24_000, 2)) {
		t.Error("not what was captured")
	}
	for _, words := range []string{
		"file: " + path + ", 24000 frames, 0 of them silence for lost ones\n",
		"meter: channel 1 peak -2.7 dB",
		fmt.Sprintf("checksum: crc32 %08x of 24000 frames\n", crc32.ChecksumIEEE(got)),
	} {
		if !strings.Contains(done.out, words) {
			t.Errorf("no %q in %s", words, done.out)
		}
	}
	found := regexp.MustCompile(`ledger of (\w+): from (\d+) \+ delivered (\d+) \+ lost (\d+) \(stream (\d+), queue (\d+)\) `+
		`\+ queued (\d+) = (\d+)`).FindAllStringSubmatch(done.out, -1)
	if len(found) != 3 {
		t.Fatal(done.out)
	}
	for _, match := range found {
		var figures [7]int
		for i := range figures {
			figures[i], _ = strconv.Atoi(match[i+2])
		}
		if figures[0]+figures[1]+figures[2]+figures[5] != figures[6] || figures[2] != figures[3]+figures[4] || figures[2] != 0 {
			t.Error(match[0])
		}
	}
}

func TestFanOutEndsBySignal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.wav")
	command, out, errs := start(t, "fan_out", "-d", "sim:counter", path)
	for end := time.Now().Add(long); ; time.Sleep(10 * time.Millisecond) {
		if info, err := os.Stat(path); err == nil && info.Size() > 20_000 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing is recorded")
		}
	}
	if err := command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err, errs)
	}
	got := data(t, path)
	if !strings.Contains(out.String(), fmt.Sprintf("crc32 %08x of %d frames", crc32.ChecksumIEEE(got), len(got)/4)) {
		t.Errorf("%d frames in the file, but:\n%s", len(got)/4, out)
	}
}

func TestFanOutFailsWithAReason(t *testing.T) {
	for _, one := range []struct{ device, path, words string }{
		{"sim:sine?fail=start", filepath.Join(t.TempDir(), "out.wav"), "ACAP_ERROR"},
		{"sim:counter?unplug=100ms", filepath.Join(t.TempDir(), "out.wav"), "ACAP_ERROR_DEVICE_LOST"},
		{"sim:sine", "/dev/full", "no space left"},
	} {
		if done := run(t, "fan_out", "-d", one.device, "-t", "10", one.path); done.status != 1 || !strings.Contains(done.err, one.words) {
			t.Errorf("%+v", done)
		}
	}
}
