// SPDX-License-Identifier: MIT

// Package meter warms up, takes the processor time of a run, pauses, goes on, and tells what is missing, as meter.h does.
package meter

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Card is what the virtual card is called; the rest are the packets that everything is measured with.
const (
	Card     = "acap_bench_card"
	RateHz   = 48_000
	Channels = 2
	Frames   = 480

	// Latency is what acap asks of a device.
	Latency = 100 * time.Millisecond

	warmUpPackets = 50
	tailPackets   = 100
)

// Meter is used by one goroutine or callback at a time.
type Meter struct {
	packets, frames, fromFrames, toFrames int
	pause                                 time.Duration
	cpuNS, lostBeforePause                int64
	mallocs                               uint64
	first, last                           float32
	IsDone                                bool
	Done                                  chan struct{}
}

// FromArguments reads: card WAY PACKETS PAUSE_MS.
func FromArguments() *Meter {
	if len(os.Args) != 5 || os.Args[1] != "card" {
		log.Fatal("usage: card WAY PACKETS PAUSE_MS")
	}
	packets, err := strconv.Atoi(os.Args[3])
	Check(err)
	pauseMS, err := strconv.Atoi(os.Args[4])
	Check(err)
	return &Meter{packets: packets, pause: time.Duration(pauseMS) * time.Millisecond, Done: make(chan struct{})}
}

// Check ends the program: a benchmark that does not do what it says is broken.
func Check(err error) {
	if err != nil {
		log.Fatal("broken: ", err)
	}
}

// CPUNS is the processor time of the process, collector included.
func CPUNS() int64 {
	var usage syscall.Rusage
	Check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// Mallocs is the number of objects that Go's heap has given out.
func Mallocs() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Mallocs
}

// Take takes interleaved frames, and pauses when it is time for it.
func (m *Meter) Take(samples []float32) {
	if m.IsDone || len(samples) == 0 {
		return
	}
	if m.frames == 0 {
		m.first = samples[0]
	}
	m.last = samples[len(samples)-Channels]
	m.frames += len(samples) / Channels
	from := warmUpPackets * Frames
	to := from + m.packets*Frames
	switch {
	case m.fromFrames == 0 && m.frames >= from:
		m.mallocs = Mallocs()
		m.fromFrames, m.cpuNS = m.frames, CPUNS()
	case m.fromFrames != 0 && m.toFrames == 0 && m.frames >= to:
		m.toFrames, m.cpuNS = m.frames, CPUNS()-m.cpuNS
		m.mallocs = Mallocs() - m.mallocs
		m.lostBeforePause = m.lost()
		time.Sleep(m.pause)
		m.IsDone = m.pause == 0
	case m.toFrames != 0 && m.frames >= to+tailPackets*Frames:
		m.IsDone = true
	}
	if m.IsDone {
		close(m.Done)
	}
}

// The signal counts in steps of 2^-23, modulo 2^24.
func (m *Meter) lost() int64 {
	steps := int64((m.last - m.first) * (1 << 23))
	return ((steps + 1) & 0xffffff) - int64(m.frames)
}

// Print prints it.
func (m *Meter) Print() {
	measured := float64(m.toFrames-m.fromFrames) / Frames
	fmt.Printf("cpu_us %.2f\nobjects %.2f\n", float64(m.cpuNS)/1e3/measured, float64(m.mallocs)/measured)
	fmt.Printf("lost %d\nlost_before_pause %d\n", m.lost(), m.lostBeforePause)
}
