// SPDX-License-Identifier: MIT

// Command record records a device into a WAV file that keeps time. Ctrl-C ends the file properly. Lost frames become
// silence. What was delivered, lost and written is reported at the end.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"acap"
	"acap/internal/cli"
	"acap/internal/take"
	"acap/internal/wav"
)

const (
	name = "acap-go-record"
	// Disks pause; nothing is lost until this much waits.
	queueSeconds = 4
	// Seven wake-ups a second instead of a hundred.
	wakeSeconds = 0.15
	stall       = 2 * time.Second
)

type recorder struct {
	*cli.Program
	path   string
	info   acap.StreamInfo
	stream *acap.Stream
	reader *acap.Reader
	take   take.Take
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(arguments []string, out, errs io.Writer) int {
	config := acap.StreamConfig{Format: acap.FormatS16}
	var seconds float64
	program := cli.New(name, "FILE", "Records a capture device until interrupted (Ctrl-C), or for -t seconds.", out, errs)
	program.Device(&config.Device)
	program.Count(&config.SampleRateHz, "r", "sample rate in `Hz`; default 48000, or what the device has")
	program.Count(&config.ChannelCount, "c", "`number` of channels; default 2, or what the device has")
	program.Format(&config.Format)
	program.Seconds(&seconds)
	if status, isDone := program.Parse(arguments, 1); isDone {
		return status
	}
	self := recorder{Program: program, path: program.Flags.Arg(0)}
	if err := self.run(config, seconds); err != nil {
		return program.Fail(err)
	}
	return cli.OK
}

func (r *recorder) run(config acap.StreamConfig, seconds float64) (err error) {
	audio, err := acap.NewContext(acap.ContextConfig{})
	if err != nil {
		return err
	}
	defer func() { _ = audio.Close() }()
	if r.stream, err = audio.OpenStream(config); err != nil {
		return err
	}
	defer func() { _ = r.stream.Close() }()
	if r.info, err = r.stream.Info(); err != nil {
		return err
	}
	if err := r.openReader(); err != nil {
		return err
	}
	defer func() { _ = r.reader.Close() }()
	r.take.FrameLimit = cli.FrameLimit(seconds, r.info.SampleRateHz)
	r.take.Out, err = wav.Create(r.path, r.info.Format, r.info.SampleRateHz, r.info.ChannelCount)
	if err != nil {
		return err
	}
	defer cli.OnEndSignal(r.stop)()
	return r.finish(r.record())
}

// openReader opens the reader before the stream starts: the file begins with the device's first frame.
func (r *recorder) openReader() error {
	buffersPerSecond := (r.info.SampleRateHz + r.info.FramesPerBuffer - 1) / r.info.FramesPerBuffer
	reader, err := r.stream.OpenReader(acap.ReaderConfig{
		QueueBuffers: queueSeconds * buffersPerSecond,
		WakeBuffers:  uint32(float64(buffersPerSecond) * wakeSeconds),
		HoldBuffers:  1,
		Overflow:     acap.OverflowDropNewest, // one long gap instead of many short ones
		Name:         name,
	})
	if err != nil {
		return err
	}
	r.reader = reader
	stats, err := reader.Stats()
	r.take.NextPosition = stats.StartPosition
	return err
}

// stop stops the device; what is queued can still be borrowed, so that the file gets it all.
func (r *recorder) stop() {
	if err := r.stream.Stop(); err != nil {
		r.Say("the device did not stop cleanly: %v", err)
	}
}

// record records until the file is long enough or nothing more comes.
func (r *recorder) record() error {
	if err := r.stream.Start(); err != nil {
		return err
	}
	hasStalled := false
	for !r.take.IsFull() {
		buffer, err := r.reader.BorrowTimeout(stall)
		switch {
		case errors.Is(err, acap.ErrTimedOut):
			if !hasStalled {
				r.Say("the device has delivered nothing for %v", stall)
			}
			hasStalled = true
			continue
		case errors.Is(err, acap.ErrEnd):
			return nil
		case err != nil:
			return err
		}
		hasStalled = false
		if err := errors.Join(r.take.Add(buffer), buffer.Release()); err != nil {
			return err
		}
	}
	return nil
}

// finish completes the file as far as it got and accounts for the frames, whatever happened before.
func (r *recorder) finish(failure error) error {
	r.stop()
	figures, err := r.reader.Stats()
	if err == nil && failure == nil && figures.FramesQueued == 0 {
		err = r.take.SkipTo(figures.EndPosition)
	}
	return errors.Join(failure, err, r.take.Out.Close(), r.report(figures))
}

func (r *recorder) report(figures acap.ReaderStats) error {
	source, err := r.stream.Stats()
	if err != nil {
		return err
	}
	captured := figures.FramesDelivered + figures.FramesQueued
	written := r.take.FramesCaptured + r.take.FramesSilent
	r.Say("%s: %.3f s, %d frames of %d channels %v at %d Hz", r.path, float64(written)/float64(r.info.SampleRateHz), written,
		r.info.ChannelCount, r.info.Format, r.info.SampleRateHz)
	r.Say("captured %d = recorded %d + left out %d; lost %d (host %d, pool %d, queue %d); silence written %d", captured,
		r.take.FramesCaptured, captured-r.take.FramesCaptured, figures.FramesLost, source.LostHost, source.LostPool,
		figures.LostQueue, r.take.FramesSilent)
	if law := figures.StartPosition + captured + figures.FramesLost; law != figures.EndPosition {
		return fmt.Errorf("%d frames are not accounted for", int64(figures.EndPosition-law))
	}
	return nil
}
