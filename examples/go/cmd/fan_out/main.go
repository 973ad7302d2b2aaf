// SPDX-License-Identifier: MIT

// Command fan_out shows one stream with three readers, each in a goroutine of its own: a file, a level meter and a
// CRC-32 of the samples. All three see the very same buffers.
package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"strings"
	"sync"

	"acap"
	"acap/internal/cli"
	"acap/internal/take"
	"acap/internal/wav"
)

const (
	name         = "acap-go-fan-out"
	queueSeconds = 4
	floorDB      = -99.9
)

// A worker is one reader and what it does with the first frameCount frames of each buffer.
type worker struct {
	name    string
	consume func(buffer *acap.Buffer, frameCount uint64) error
	reader  *acap.Reader
	err     error
}

type program struct {
	*cli.Program
	path     string
	stream   *acap.Stream
	info     acap.StreamInfo
	limit    uint64 // in frames; 0: none
	take     take.Take
	meter    meter
	checksum checksum
	workers  []*worker
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(arguments []string, out, errs io.Writer) int {
	var device string
	var seconds float64
	self := program{Program: cli.New(name, "FILE", "Captures once for three readers: a file, a level meter and a checksum.", out, errs)}
	self.Device(&device)
	self.Seconds(&seconds)
	if status, isDone := self.Parse(arguments, 1); isDone {
		return status
	}
	self.path = self.Flags.Arg(0)
	if err := self.run(device, seconds); err != nil {
		return self.Fail(err)
	}
	return cli.OK
}

func (p *program) run(device string, seconds float64) (err error) {
	audio, err := acap.NewContext(acap.ContextConfig{})
	if err != nil {
		return err
	}
	defer func() { _ = audio.Close() }()
	if p.stream, err = audio.OpenStream(acap.StreamConfig{Device: device, Format: acap.FormatS16}); err != nil {
		return err
	}
	defer func() { _ = p.stream.Close() }()
	if p.info, err = p.stream.Info(); err != nil {
		return err
	}
	p.limit = cli.FrameLimit(seconds, p.info.SampleRateHz)
	if err := p.openReaders(); err != nil {
		return err
	}
	p.take.Out, err = wav.Create(p.path, p.info.Format, p.info.SampleRateHz, p.info.ChannelCount)
	if err != nil {
		return err
	}
	return p.finish(p.capture())
}

// openReaders opens all readers before the stream starts: they begin with the same frame.
func (p *program) openReaders() error {
	p.meter = meter{peak: make([]float64, p.info.ChannelCount), squares: make([]float64, p.info.ChannelCount)}
	p.checksum.frameBytes = uint64(p.info.Format.Bytes()) * uint64(p.info.ChannelCount)
	p.workers = []*worker{
		{name: "file", consume: func(buffer *acap.Buffer, _ uint64) error { return p.take.Add(buffer) }},
		{name: "meter", consume: p.meter.consume},
		{name: "checksum", consume: p.checksum.consume},
	}
	buffersPerSecond := (p.info.SampleRateHz + p.info.FramesPerBuffer - 1) / p.info.FramesPerBuffer
	for _, one := range p.workers {
		reader, err := p.stream.OpenReader(acap.ReaderConfig{
			QueueBuffers: queueSeconds * buffersPerSecond,
			HoldBuffers:  1,
			Overflow:     acap.OverflowDropNewest,
			Name:         one.name,
		})
		if err != nil {
			return err
		}
		one.reader = reader
	}
	stats, err := p.workers[0].reader.Stats()
	p.take.NextPosition, p.take.FrameLimit = stats.StartPosition, p.limit
	return err
}

func (p *program) stop() {
	if err := p.stream.Stop(); err != nil {
		p.Say("the device did not stop cleanly: %v", err)
	}
}

// capture runs the workers until all of them are done. Stopping ends all readers at the same frame; what they have
// queued they still get.
func (p *program) capture() error {
	defer cli.OnEndSignal(p.stop)()
	if err := p.stream.Start(); err != nil {
		return err
	}
	var group sync.WaitGroup
	for _, one := range p.workers {
		group.Add(1)
		go func() {
			defer group.Done()
			if one.err = p.work(one); one.err != nil {
				p.stop() // half of the results are no use: the others end too
			}
		}()
	}
	group.Wait()
	p.stop()
	var failures []error
	for _, one := range p.workers {
		if one.err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", one.name, one.err))
		}
	}
	return errors.Join(failures...)
}

func (p *program) work(one *worker) error {
	room := p.limit
	for buffer, err := range one.reader.Each(context.Background()) {
		if err != nil {
			return err
		}
		count := uint64(buffer.FrameCount())
		if p.limit != 0 {
			count = min(count, room)
			room -= count
		}
		if err := one.consume(buffer, count); err != nil {
			return err
		}
		if p.limit != 0 && room == 0 {
			return nil
		}
	}
	return nil
}

// finish completes the file as far as it got and prints the results, whatever happened before.
func (p *program) finish(failure error) error {
	figures, err := p.workers[0].reader.Stats()
	if err == nil && failure == nil && figures.FramesQueued == 0 {
		err = p.take.SkipTo(figures.EndPosition)
	}
	failure = errors.Join(failure, err, p.take.Out.Close())
	var text strings.Builder
	fmt.Fprintf(&text, "file: %s, %d frames, %d of them silence for lost ones\n", p.path, p.take.Out.FramesWritten(),
		p.take.FramesSilent)
	fmt.Fprintf(&text, "meter: %v\n", &p.meter)
	fmt.Fprintf(&text, "checksum: crc32 %08x of %d frames\n", p.checksum.sum, p.checksum.frameCount)
	for _, one := range p.workers {
		figures, err := one.reader.Stats()
		failure = errors.Join(failure, err)
		fmt.Fprintf(&text, "ledger of %s: from %d + delivered %d + lost %d (stream %d, queue %d) + queued %d = %d\n", one.name,
			figures.StartPosition, figures.FramesDelivered, figures.FramesLost, figures.LostStream, figures.LostQueue,
			figures.FramesQueued, figures.EndPosition)
	}
	_, err = io.WriteString(p.Out, text.String())
	return errors.Join(failure, err)
}

// A meter has peak and rms of each channel; of whole buffers, so that it may hear a little too much.
type meter struct {
	peak, squares []float64
	frameCount    float64
	clipped       uint64
}

func (m *meter) consume(buffer *acap.Buffer, _ uint64) error {
	levels, err := buffer.Measure()
	if err != nil {
		return err
	}
	frames := float64(buffer.FrameCount())
	m.frameCount += frames
	m.clipped += levels.Clipped
	for channel, rms := range levels.RMS {
		m.peak[channel] = max(m.peak[channel], float64(levels.Peak[channel]))
		m.squares[channel] += float64(rms) * float64(rms) * frames
	}
	return nil
}

func (m *meter) String() string {
	var text strings.Builder
	for channel, peak := range m.peak {
		fmt.Fprintf(&text, "channel %d peak %.1f dB rms %.1f dB, ", channel+1, decibels(peak),
			decibels(math.Sqrt(m.squares[channel]/max(m.frameCount, 1))))
	}
	fmt.Fprintf(&text, "%d clipped samples", m.clipped)
	return text.String()
}

func decibels(amplitude float64) float64 {
	return max(20*math.Log10(amplitude), floorDB)
}

// A checksum is the CRC-32 of the samples, as gzip has it.
type checksum struct {
	sum        uint32
	frameBytes uint64
	frameCount uint64
}

func (c *checksum) consume(buffer *acap.Buffer, frameCount uint64) error {
	frames, err := buffer.Bytes()
	if err != nil {
		return err
	}
	c.sum = crc32.Update(c.sum, crc32.IEEETable, frames[:frameCount*c.frameBytes])
	c.frameCount += frameCount
	return nil
}
