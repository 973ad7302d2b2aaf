// SPDX-License-Identifier: MIT

package acap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"acap"
)

// openSim opens a device that captures in virtual time, by SimAdvance.
func openSim() (*acap.Stream, *acap.Reader) {
	audio, err := acap.NewContext(acap.ContextConfig{Backend: "sim"})
	if err != nil {
		log.Fatal(err)
	}
	stream, err := audio.OpenStream(acap.StreamConfig{Device: "sim:counter?pace=manual&period=480", Format: acap.FormatS16})
	if err != nil {
		log.Fatal(err)
	}
	reader, err := stream.OpenReader(acap.ReaderConfig{QueueBuffers: 4, Overflow: acap.OverflowDropNewest})
	if err != nil {
		log.Fatal(err)
	}
	if err := stream.Start(); err != nil {
		log.Fatal(err)
	}
	return stream, reader
}

// capture lets time pass and the stream end.
func capture(stream *acap.Stream, frameCount uint64) {
	if err := errors.Join(stream.SimAdvance(frameCount), stream.Stop()); err != nil {
		log.Fatal(err)
	}
}

// A loop over what is captured. The buffer is yours: keep it, hand it on, release it when you like.
func ExampleReader_All() {
	stream, reader := openSim()
	defer stream.Close()
	capture(stream, 960)
	for buffer, err := range reader.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		samples, err := buffer.Int16s() // the very memory that was captured into
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(buffer.Position(), buffer.FrameCount(), samples[:4])
		buffer.Release()
	}
	// Output:
	// 0 480 [0 4369 1 4370]
	// 480 480 [480 4849 481 4850]
}

// A loop that keeps nothing need not release anything.
func ExampleReader_Each() {
	stream, reader := openSim()
	defer stream.Close()
	capture(stream, 960)
	var total int
	for buffer, err := range reader.Each(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		total += buffer.FrameCount()
	}
	fmt.Println(total, "frames")
	// Output: 960 frames
}

// Every lost frame is counted: here a full queue cost two buffers.
func ExampleReader_Stats() {
	stream, reader := openSim()
	defer stream.Close()
	capture(stream, 6*480)
	for _, err := range reader.Each(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
	}
	stats, err := reader.Stats()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.StartPosition, "+", stats.FramesDelivered, "+", stats.FramesLost, "+", stats.FramesQueued, "=", stats.EndPosition)
	fmt.Println("lost by the stream", stats.LostStream, "and by the queue", stats.LostQueue)
	// Output:
	// 0 + 1920 + 960 + 0 = 2880
	// lost by the stream 0 and by the queue 960
}

// Continuous bytes for whatever takes an io.Reader; silence stands for what was lost.
func ExampleByteReader() {
	stream, reader := openSim()
	defer stream.Close()
	octets, err := acap.NewByteReader(context.Background(), reader, true)
	if err != nil {
		log.Fatal(err)
	}
	defer octets.Close()
	capture(stream, 6*480)
	var file bytes.Buffer
	count, err := io.Copy(&file, octets)
	fmt.Println(count, "bytes,", octets.FramesSilent, "frames of silence,", err)
	// Output: 11520 bytes, 960 frames of silence, <nil>
}

// Where another goroutine may release a buffer, look at it in Use or UseSamples.
func ExampleUseSamples() {
	stream, reader := openSim()
	defer stream.Close()
	capture(stream, 480)
	buffer, err := reader.TryBorrow()
	if err != nil {
		log.Fatal(err)
	}
	go buffer.Release()
	var last int16
	err = acap.UseSamples(buffer, func(samples []int16) error {
		last = samples[len(samples)-2] // the memory stays what it is until this returns
		return nil
	})
	fmt.Println(errors.Is(err, acap.ErrReleased) || last == 479)
	// Output: true
}

// Errors say what happened and why.
func ExampleError() {
	audio, err := acap.NewContext(acap.ContextConfig{Backend: "sim"})
	if err != nil {
		log.Fatal(err)
	}
	defer audio.Close()
	_, err = audio.OpenStream(acap.StreamConfig{Device: "sim:sine?hz=soon"})
	var failure *acap.Error
	fmt.Println(errors.Is(err, acap.ErrInvalidArgument), errors.As(err, &failure), failure.Name())
	// Output: true true ACAP_ERROR_INVALID_ARGUMENT
}

// The program itself is the device.
func ExampleStream_Push() {
	audio, err := acap.NewContext(acap.ContextConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer audio.Close()
	stream, err := audio.OpenStream(acap.StreamConfig{Device: "push:", ChannelCount: 1, FramesPerBuffer: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	reader, err := stream.OpenReader(acap.ReaderConfig{})
	if err != nil {
		log.Fatal(err)
	}
	err = errors.Join(stream.Start(), stream.Push(acap.SampleBytes([]float32{0.1, 0.2, 0.3, 0.4}), 0), stream.Stop())
	if err != nil {
		log.Fatal(err)
	}
	for buffer, err := range reader.Each(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		samples, err := buffer.Float32s()
		fmt.Println(samples, err)
	}
	// Output: [0.1 0.2 0.3 0.4] <nil>
}
