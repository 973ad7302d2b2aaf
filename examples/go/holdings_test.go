// SPDX-License-Identifier: MIT

package acap

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// liveHeap is 64 MB for the collector to go through, so that it takes its time, and comes of its own accord only when
// as much again was allocated.
func liveHeap() []liveNode {
	nodes := make([]liveNode, 1<<20)
	for i := range nodes {
		nodes[i].next = &nodes[(i+1)%len(nodes)]
	}
	return nodes
}

type liveNode struct {
	next *liveNode
	_    [56]byte
}

// startOver brings back what earlier tests forgot, so that the limit is for what is out now.
func startOver(t *testing.T) {
	t.Helper()
	runtime.GC()
	if !settles(func() bool { return nobodyCollects() && held.count.Load() == 0 }) {
		t.Fatalf("%d buffers are out", held.count.Load())
	}
	held.lower(0)
}

func nobodyCollects() bool {
	if !held.collect.TryLock() {
		return false
	}
	held.collect.Unlock()
	return true
}

func withoutCollector(t *testing.T) {
	t.Helper()
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
}

func collections() (all, forced uint32) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.NumGC, stats.NumForcedGC
}

func TestForgottenBuffersAreBounded(t *testing.T) {
	t.Run("a large heap", func(t *testing.T) {
		live := liveHeap()
		forgetPackets(t, 30_000)
		runtime.KeepAlive(live)
		debug.FreeOSMemory() // other tests look at the process's size
	})
	t.Run("a collector that never comes", func(t *testing.T) {
		withoutCollector(t)
		forgetPackets(t, 30_000)
	})
}

// forgetPackets borrows without ever releasing, nor asking the collector.
func forgetPackets(t *testing.T, packets int) {
	startOver(t)
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: packetsPerBlock})
	pool := poolOf(t, stream)
	counted := newAccount(t, reader)
	for range packets / packetsPerBlock {
		advance(t, stream, packetsPerBlock*frames)
		for range packetsPerBlock {
			buffer := must(reader.TryBorrow())
			counted.add(t, buffer)
			checkCounts(t, buffer)
			runtime.KeepAlive(buffer)
		}
	}
	counted.check(t)
	stats := checkPool(t, pool)
	if stats.InUsePeak > uint32(packets/3) || stats.HitRate != 1 || stats.Recycled < uint64(packets/2) {
		t.Errorf("what is forgotten piles up: %+v", stats)
	}
	t.Logf("%d forgotten packets: %d out at once, recycled %d", packets, stats.InUsePeak, stats.Recycled)
	expectAllBack(t, pool)
	if released := checkPool(t, pool).Released; released != uint64(packets) {
		t.Errorf("%d came back", released)
	}
	startOver(t)
}

func TestReleasedBuffersAskForNoCollection(t *testing.T) {
	withoutCollector(t)
	startOver(t)
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: packetsPerBlock})
	all, forced := collections()
	for range 250 {
		advance(t, stream, packetsPerBlock*frames)
		releaseLate(t, reader)
	}
	if allNow, forcedNow := collections(); allNow != all || forcedNow != forced {
		t.Errorf("the collector came %d times, and %d times because it was asked", allNow-all, forcedNow-forced)
	}
	startOver(t)
}

// releaseLate releases a block of packets, and a second Buffer of each, when all were borrowed.
func releaseLate(t *testing.T, reader *Reader) {
	var buffers []*Buffer
	for range packetsPerBlock {
		buffer := must(reader.TryBorrow())
		buffers = append(buffers, buffer, must(buffer.Retain()))
	}
	for _, buffer := range buffers {
		release(t, buffer)
	}
}

// Whoever keeps many on purpose pays for a collection each time that they have doubled, and for none while they are kept.
func TestKeptBuffersAreNotLookedForInALoop(t *testing.T) {
	const kept, doublings = 10_000, 5 // 512 are doubled so often before they are more than 10,000
	withoutCollector(t)
	startOver(t)
	pool := must(NewPool(PoolConfig{BufferSizeBytes: 64, BuffersMin: kept + 1}))
	_, forced := collections()
	var buffers []*Buffer
	for range kept {
		buffers = append(buffers, must(pool.Acquire()))
	}
	for range kept {
		release(t, must(pool.Acquire()))
	}
	if !settles(nobodyCollects) {
		t.Fatal("the last collection is never over")
	}
	if _, forcedNow := collections(); forcedNow-forced > doublings || forcedNow == forced {
		t.Errorf("the collector was asked %d times", forcedNow-forced)
	}
	for _, buffer := range buffers {
		release(t, buffer)
	}
	if stats := checkPool(t, pool); stats.InUse != 0 || stats.RejectedReleases != 0 {
		t.Errorf("%+v", stats)
	}
	check(t, pool.Close())
	startOver(t)
}

// Borrowing, releasing, forgetting and collecting at once leave the count what it was.
func TestTheCountOfHeldBuffers(t *testing.T) {
	startOver(t)
	const workers, rounds = 4, 5_000
	pool := must(NewPool(PoolConfig{BufferSizeBytes: 64, BuffersMin: workers * rounds}))
	done := make(chan struct{})
	for worker := range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range rounds {
				buffer := must(pool.Acquire())
				if (i+worker)%3 != 0 {
					_ = buffer.Release()
				}
			}
		}()
	}
	for range workers {
		<-done
	}
	expectAllBack(t, pool)
	startOver(t)
	check(t, pool.Close())
}

// Each Buffer that the collector finds lowers the limit to twice what is left; one that is released leaves it alone.
func TestTheLimitFollowsWhatIsLeft(t *testing.T) {
	h := newHoldings()
	h.limit.Store(9_000)
	for _, step := range []struct {
		count, limit int64
		leave        func()
	}{
		{3_000, 9_000, h.remove},
		{3_000, 5_998, h.removeForgotten},
		{4_000, 5_998, h.removeForgotten},
		{200, heldMin, h.removeForgotten},
	} {
		h.count.Store(step.count)
		step.leave()
		if count, limit := h.count.Load(), h.limit.Load(); count != step.count-1 || limit != step.limit {
			t.Errorf("%d are out, and the limit is %d, not %d", count, limit, step.limit)
		}
	}
}
