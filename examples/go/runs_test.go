// SPDX-License-Identifier: MIT

package acap

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// 3,000, 30,000 and 359,937 packets of 3,840 bytes: nothing lost, nothing kept, memory flat. -short is for
// checkers: to them the third tells no more than the second, and their own memory grows with what they look at.
func TestThreeRuns(t *testing.T) {
	for _, packets := range []int{3_000, 30_000, 359_937} {
		t.Run(fmt.Sprint(packets), func(t *testing.T) {
			if packets > 30_000 && testing.Short() {
				t.Skip("-short: the longest run is for the plain test")
			}
			runPackets(t, packets)
		})
	}
}

const (
	packetsPerBlock = 40 // that the device captures before the consumer takes them
	growthMaxBytes  = 8 << 20
)

func runPackets(t *testing.T, packets int) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: packetsPerBlock, HoldBuffers: 1})
	counted := newAccount(t, reader)
	var heap, resident uint64
	for left := packets; left > 0; {
		count := min(packetsPerBlock, left)
		advance(t, stream, uint64(count)*frames)
		takeBlock(t, reader, counted, count)
		if left -= count; heap == 0 && packets-left >= 1000 {
			heap, resident = heapBytes(), residentBytes(t)
		}
	}
	counted.check(t)
	if now := heapBytes(); now > heap+growthMaxBytes {
		t.Errorf("the heap grew from %d to %d bytes", heap, now)
	}
	if now := residentBytes(t); now > resident+growthMaxBytes {
		t.Errorf("the process grew from %d to %d bytes", resident, now)
	}
	pool := checkPool(t, poolOf(t, stream))
	total := uint64(packets)
	if pool.Acquired != total || pool.Recycled < total-uint64(pool.Capacity) || pool.HitRate != 1 || pool.Exhausted != 0 ||
		pool.InUse != 0 || pool.InUsePeak > packetsPerBlock+2 || pool.RejectedReleases != 0 {
		t.Errorf("%+v", pool)
	}
	if stats := checkReader(t, reader); stats.FramesLost != 0 || stats.FramesDelivered != total*frames {
		t.Errorf("%+v", stats)
	}
	if lost := checkStream(t, stream).FramesLost; lost != 0 {
		t.Errorf("%d frames were lost", lost)
	}
	t.Logf("%d packets: hit rate %g, recycled %d, heap %d bytes", packets, pool.HitRate, pool.Recycled, heapBytes())
}

func takeBlock(t *testing.T, reader *Reader, counted *account, count int) {
	for range count {
		buffer, err := reader.TryBorrow()
		if err != nil {
			t.Fatal(err)
		}
		counted.add(t, buffer)
		if buffer.SizeBytes() != 3840 {
			t.Fatal(buffer.SizeBytes())
		}
		checkCounts(t, buffer)
		release(t, buffer)
	}
}

func heapBytes() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// residentBytes is 0 where there is no /proc, or where a checker's memory would be counted, too.
func residentBytes(t *testing.T) uint64 {
	if testing.Short() {
		t.Log("-short: the process's size is not looked at")
		return 0
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Log("this system has no /proc: the process's size is not looked at")
		return 0
	}
	var size, resident uint64
	_, err = fmt.Sscan(strings.TrimSpace(string(statm)), &size, &resident)
	check(t, err)
	return resident * uint64(os.Getpagesize())
}
