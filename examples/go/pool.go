// SPDX-License-Identifier: MIT

package acap

// #cgo nocallback go_pool_acquire
// #include "glue.h"
import "C"

import (
	"time"
	"unsafe"
)

// PoolConfig is how a pool is made.
type PoolConfig struct {
	// BufferSizeBytes is the size of each buffer's data; at least 1.
	BufferSizeBytes uint32
	// BuffersMin are allocated and touched at once; 0: 16, or BuffersMax where that is less.
	BuffersMin uint32
	// BuffersMax is the most that the pool grows to; 0: MaxPoolBuffers.
	BuffersMax uint32
	// Flags may be PoolLockMemory.
	Flags PoolFlags
}

// PoolStats is a pool's figures. In every snapshot Acquired == Released + InUse.
type PoolStats struct {
	// Capacity is the number of buffers that exist now.
	Capacity uint32
	// FreeBuffers is Capacity - InUse.
	FreeBuffers uint32
	// InUse is the number of buffers that are out now: queued, borrowed or forgotten.
	InUse uint32
	// InUsePeak is the most that were out at once.
	InUsePeak uint32
	// BuffersMin is as configured.
	BuffersMin uint32
	// BuffersMax is as configured, or the limit.
	BuffersMax uint32
	// Grown is how many times the pool grew after its creation.
	Grown uint32
	// Acquired is the number of buffers taken.
	Acquired uint64
	// Recycled is how many of these had been used before.
	Recycled uint64
	// Exhausted is the number of attempts that found none free.
	Exhausted uint64
	// Released is the number of buffers given back.
	Released uint64
	// RejectedReleases counts references given back or asked for on a free buffer.
	RejectedReleases uint64
	// MemoryBytes is the size of data and headers.
	MemoryBytes uint64
	// OldestHeld is the age of the longest outstanding buffer; 0: none is out.
	OldestHeld time.Duration
	// HitRate is Acquired / (Acquired + Exhausted); 1.0 before the first.
	HitRate float64
}

// A Pool owns buffers, for a stream, several streams or the program itself.
type Pool struct {
	object
}

func destroyPool(pointer unsafe.Pointer) {
	C.acap_pool_release((*C.acap_pool)(pointer))
}

func newPool(pointer unsafe.Pointer) *Pool {
	p := &Pool{object{pointer: pointer, destroy: destroyPool}}
	watch(p, &p.object)
	return p
}

// NewPool makes a pool, to share between streams or to use on its own.
func NewPool(config PoolConfig) (*Pool, error) {
	made := C.go_pool_create(&C.acap_pool_config{
		struct_size:       C.sizeof_acap_pool_config,
		flags:             C.uint32_t(config.Flags),
		buffer_size_bytes: C.uint32_t(config.BufferSizeBytes),
		buffers_min:       C.uint32_t(config.BuffersMin),
		buffers_max:       C.uint32_t(config.BuffersMax),
	})
	if err := settle(made); err != nil {
		return nil, err
	}
	return newPool(made.object), nil
}

func (p *Pool) handle() *C.acap_pool {
	return (*C.acap_pool)(p.pointer)
}

// Acquire takes a free buffer, for the program to fill; ErrPoolExhausted if there is none. It never waits for one.
func (p *Pool) Acquire() (*Buffer, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	acquired := C.go_pool_acquire(p.handle())
	if err := failure(acquired.result, acquired.text); err != nil {
		return nil, err
	}
	return newBuffer(&acquired), nil
}

// Retain makes another Pool of the same buffers, to be closed on its own.
func (p *Pool) Retain() (*Pool, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	return newPool(unsafe.Pointer(C.acap_pool_retain(p.handle()))), nil
}

// Stats is the pool's figures now.
func (p *Pool) Stats() (PoolStats, error) {
	if err := p.enter(); err != nil {
		return PoolStats{}, err
	}
	defer p.leave()
	stats := C.acap_pool_stats{struct_size: C.sizeof_acap_pool_stats}
	if err := settle(C.go_pool_get_stats(p.handle(), &stats)); err != nil {
		return PoolStats{}, err
	}
	return PoolStats{
		Capacity:         uint32(stats.capacity),
		FreeBuffers:      uint32(stats.free_buffers),
		InUse:            uint32(stats.in_use),
		InUsePeak:        uint32(stats.in_use_peak),
		BuffersMin:       uint32(stats.buffers_min),
		BuffersMax:       uint32(stats.buffers_max),
		Grown:            uint32(stats.grown),
		Acquired:         uint64(stats.acquired),
		Recycled:         uint64(stats.recycled),
		Exhausted:        uint64(stats.exhausted),
		Released:         uint64(stats.released),
		RejectedReleases: uint64(stats.rejected_releases),
		MemoryBytes:      uint64(stats.memory_bytes),
		OldestHeld:       time.Duration(stats.oldest_held_ns),
		HitRate:          float64(stats.hit_rate),
	}, nil
}

// Close gives the pool back; its memory goes with the last buffer that is out. Never waits.
func (p *Pool) Close() error {
	return p.shut()
}
