// SPDX-License-Identifier: MIT

package acap

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Holdings bound what forgotten Buffers may keep. A Buffer is a few words to the garbage collector, which so may not
// come for a long time, while each of them keeps a buffer of the pool. Therefore it is asked to come when many are out:
// in the background, once at a time, and the next time when twice as many are out as it found in use.
type holdings struct {
	count   atomic.Int64 // Buffers that are not released, by whomever
	limit   atomic.Int64 // the most before the collector is asked, or, while it works, before who borrows waits for it
	collect sync.Mutex   // locked while the collector works
}

// heldMin are too few to ask the collector, and what may be borrowed while it works: more than 5 s of 10 ms each.
const heldMin = 512

var held = newHoldings()

func newHoldings() *holdings {
	h := &holdings{}
	h.limit.Store(heldMin)
	return h
}

func (h *holdings) add() {
	if h.count.Add(1) > h.limit.Load() {
		h.exceed()
	}
}

func (h *holdings) remove() {
	h.count.Add(-1)
}

// removeForgotten is remove when the collector found a Buffer: those that are left are the ones in use, but for those
// that it will find next.
func (h *holdings) removeForgotten() {
	h.lower(h.count.Add(-1))
}

// exceed asks the collector, or waits for it if it was asked: a loop without a clock would outrun it by any number. A
// mutex, not a channel: goroutines inside and outside of a testing/synctest bubble may meet here.
func (h *holdings) exceed() {
	if !h.collect.TryLock() {
		h.collect.Lock()
		defer h.collect.Unlock()
		return
	}
	count := h.count.Load()
	if count <= h.limit.Load() {
		h.collect.Unlock()
		return
	}
	h.limit.Store(count + heldMin)
	go h.collectForgotten()
}

// collectForgotten runs the collector, on a goroutine of its own. The cleanups may still be running then: each lowers
// the limit further.
func (h *holdings) collectForgotten() {
	defer h.collect.Unlock()
	runtime.GC()
	h.limit.Store(limitFor(h.count.Load()))
	h.lower(h.count.Load()) // a cleanup may have come between
}

func (h *holdings) lower(count int64) {
	for {
		limit := h.limit.Load()
		if limit <= limitFor(count) || h.limit.CompareAndSwap(limit, limitFor(count)) {
			return
		}
	}
}

func limitFor(count int64) int64 {
	return max(heldMin, 2*count)
}
