// SPDX-License-Identifier: MIT

// What a packet of 3,840 bytes costs through acap in Go: looked at in place, and copied into a slice of its own.
//
//	acap_bench cost | card view|copy PACKETS PAUSE_MS       as c_bench.c
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"acap"
	"bench/meter"
)

const (
	batches      = 80
	batchPackets = 250
)

var sink float32

type way func(buffer *acap.Buffer, m *meter.Meter)

func view(buffer *acap.Buffer, m *meter.Meter) {
	samples, err := buffer.Float32s()
	meter.Check(err)
	sink = samples[0]
	if m != nil {
		m.Take(samples)
	}
}

func copyOut(buffer *acap.Buffer, m *meter.Meter) {
	samples, err := buffer.Float32s()
	meter.Check(err)
	own := append([]float32(nil), samples...)
	sink = own[0]
	if m != nil {
		m.Take(own)
	}
}

func open(device string, queueBuffers uint32) (*acap.Context, *acap.Stream, *acap.Reader) {
	audio, err := acap.NewContext(acap.ContextConfig{})
	meter.Check(err)
	stream, err := audio.OpenStream(acap.StreamConfig{
		Device: device, SampleRateHz: meter.RateHz, ChannelCount: meter.Channels, FramesPerBuffer: meter.Frames,
	})
	meter.Check(err)
	reader, err := stream.OpenReader(acap.ReaderConfig{QueueBuffers: queueBuffers})
	meter.Check(err)
	meter.Check(stream.Start())
	return audio, stream, reader
}

func batchNS(stream *acap.Stream, reader *acap.Reader, take way) int64 {
	meter.Check(stream.SimAdvance(batchPackets * meter.Frames))
	startNS := meter.CPUNS()
	for range batchPackets {
		buffer, err := reader.Borrow(context.Background())
		meter.Check(err)
		take(buffer, nil)
		meter.Check(buffer.Release())
	}
	return meter.CPUNS() - startNS
}

func cost() {
	audio, stream, reader := open("sim:counter?pace=manual&period=480", batchPackets)
	defer audio.Close()
	var viewNS, copyNS int64
	for batch := -batches / 4; batch < batches; batch++ {
		a, b := batchNS(stream, reader, view), batchNS(stream, reader, copyOut)
		if batch >= 0 {
			viewNS += a
			copyNS += b
		}
	}
	fmt.Printf("ns view %.1f\n", float64(viewNS)/batches/batchPackets)
	fmt.Printf("ns copy %.1f\n", float64(copyNS)/batches/batchPackets)
}

func card(take way, m *meter.Meter) {
	audio, _, reader := open(meter.Card, 0)
	defer audio.Close()
	for buffer, err := range reader.Each(context.Background()) {
		meter.Check(err)
		take(buffer, m)
		if m.IsDone {
			break
		}
	}
	stats, err := reader.Stats()
	meter.Check(err)
	fmt.Println("told", stats.FramesLost)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 2 && os.Args[1] == "cost" {
		cost()
		return
	}
	m := meter.FromArguments()
	if os.Args[2] == "view" {
		card(view, m)
	} else {
		card(copyOut, m)
	}
	m.Print()
}
