// SPDX-License-Identifier: MIT

// What a packet of 3,840 bytes costs through gordonklaus/portaudio, on the virtual card.
//
//	portaudio_bench card read|callback PACKETS PAUSE_MS
package main

import (
	"fmt"
	"log"
	"os"

	"bench/meter"

	"github.com/gordonklaus/portaudio"
)

func parameters() portaudio.StreamParameters {
	devices, err := portaudio.Devices()
	meter.Check(err)
	for _, device := range devices {
		if device.Name == meter.Card {
			p := portaudio.HighLatencyParameters(device, nil)
			p.Input.Channels = meter.Channels
			p.Input.Latency = meter.Latency
			p.SampleRate = meter.RateHz
			p.FramesPerBuffer = meter.Frames
			return p
		}
	}
	log.Fatal("broken: PortAudio does not see the card")
	return portaudio.StreamParameters{}
}

func read(m *meter.Meter) (flags int) {
	samples := make([]float32, meter.Frames*meter.Channels)
	stream, err := portaudio.OpenStream(parameters(), samples)
	meter.Check(err)
	meter.Check(stream.Start())
	for !m.IsDone {
		if err := stream.Read(); err == portaudio.InputOverflowed {
			flags++
		} else {
			meter.Check(err)
		}
		m.Take(samples)
	}
	meter.Check(stream.Abort())
	return flags
}

func callback(m *meter.Meter) (flags int) {
	stream, err := portaudio.OpenStream(parameters(),
		func(samples []float32, _ portaudio.StreamCallbackTimeInfo, status portaudio.StreamCallbackFlags) {
			if status&portaudio.InputOverflow != 0 {
				flags++
			}
			m.Take(samples)
		})
	meter.Check(err)
	meter.Check(stream.Start())
	<-m.Done
	meter.Check(stream.Abort())
	return flags
}

func main() {
	log.SetFlags(0)
	m := meter.FromArguments()
	meter.Check(portaudio.Initialize())
	defer portaudio.Terminate()
	if os.Args[2] == "read" {
		fmt.Println("flags", read(m))
	} else {
		fmt.Println("flags", callback(m))
	}
	m.Print()
}
