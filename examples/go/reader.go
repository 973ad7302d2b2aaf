// SPDX-License-Identifier: MIT

package acap

// #cgo nocallback go_reader_try_borrow
// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"
	"unsafe"
)

// ReaderConfig is how a reader is opened.
type ReaderConfig struct {
	// QueueBuffers is the most that wait for it; 0: about 500 ms.
	QueueBuffers uint32
	// Overflow is what a full queue does.
	Overflow Overflow
	// WakeBuffers: a waiting Borrow wakes only when so many are queued; 0: 1.
	WakeBuffers uint32
	// HoldBuffers is how many this consumer will keep at once; 0: QueueBuffers.
	HoldBuffers uint32
	// Preroll: start so far in the past, or as far as the stream's history goes.
	Preroll time.Duration
	// Name is for reports; empty: "reader".
	Name string
}

// ReaderStats is a reader's figures. In every snapshot
// StartPosition + FramesDelivered + FramesLost + FramesQueued == EndPosition and FramesLost == LostStream + LostQueue.
type ReaderStats struct {
	// QueuedBuffers wait now.
	QueuedBuffers uint32
	// QueuedBuffersPeak is the most that waited at once.
	QueuedBuffersPeak uint32
	// StartPosition is the stream's position when the reader was opened, or that of its first history buffer.
	StartPosition uint64
	// EndPosition is up to where this snapshot speaks.
	EndPosition uint64
	// BuffersDelivered is how many were borrowed.
	BuffersDelivered uint64
	// FramesDelivered is the number of frames in borrowed buffers.
	FramesDelivered uint64
	// FramesQueued is the number of frames in waiting buffers.
	FramesQueued uint64
	// FramesLost is LostStream + LostQueue.
	FramesLost uint64
	// LostStream is what the stream lost while this reader was open.
	LostStream uint64
	// LostQueue is what was lost because this reader's queue was full.
	LostQueue uint64
	// LatencyP50 is from capture to borrow, median, within 7 %.
	LatencyP50 time.Duration
	// LatencyP99 is the 99th percentile, within 7 %.
	LatencyP99 time.Duration
	// LatencyMax is the largest.
	LatencyMax time.Duration
}

// A Reader is one consumer of a stream. One goroutine may wait in it at a time; everything else any goroutine may call
// at any time. Stream.OpenReader makes readers.
type Reader struct {
	object
	stream   *Stream
	sleeper  sleeper
	consumer sync.Mutex // the library wants one consumer at a time
}

func destroyReader(pointer unsafe.Pointer) {
	C.acap_reader_close((*C.acap_reader)(pointer))
}

// OpenReader opens a reader, whether the stream runs or not.
func (s *Stream) OpenReader(config ReaderConfig) (*Reader, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	name, err := newCString(config.Name)
	if err != nil {
		return nil, err
	}
	defer freeCString(name)
	made := C.go_reader_open(s.handle(), &C.acap_reader_config{
		struct_size:   C.sizeof_acap_reader_config,
		queue_buffers: C.uint32_t(config.QueueBuffers),
		overflow:      C.uint32_t(config.Overflow),
		wake_buffers:  C.uint32_t(config.WakeBuffers),
		hold_buffers:  C.uint32_t(config.HoldBuffers),
		preroll_ns:    C.int64_t(config.Preroll),
		name:          name,
	})
	if err := settle(made); err != nil {
		return nil, err
	}
	r := &Reader{object: object{pointer: made.object, destroy: destroyReader}, stream: s}
	watch(r, &r.object)
	return r, nil
}

func (r *Reader) handle() *C.acap_reader {
	return (*C.acap_reader)(r.pointer)
}

// Stream is what it reads; it lives at least as long as the reader.
func (r *Reader) Stream() *Stream {
	return r.stream
}

// Close closes the reader; what is queued goes back to the pool, what was borrowed stays valid. Whoever waits wakes
// with ErrClosed. Never waits.
func (r *Reader) Close() error {
	err := r.shut()
	r.sleeper.close()
	return err
}

// ---- borrowing ----

// TryBorrow borrows the next buffer, without waiting for one; ErrTimedOut if there is none.
func (r *Reader) TryBorrow() (*Buffer, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	return r.tryBorrow()
}

func (r *Reader) tryBorrow() (*Buffer, error) {
	r.consumer.Lock()
	borrowed := C.go_reader_try_borrow(r.handle())
	r.consumer.Unlock()
	if err := failure(borrowed.result, borrowed.text); err != nil {
		return nil, err
	}
	return newBuffer(&borrowed), nil
}

// Borrow borrows the next buffer, and waits for it until ctx is done; that is then the error, and nothing was taken.
// Other errors are ErrEnd, once the stream was stopped or closed or the reader ended and all was borrowed,
// ErrInterrupted, ErrDeviceLost and ErrClosed. A goroutine that waits costs no thread.
func (r *Reader) Borrow(ctx context.Context) (*Buffer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.borrow(ctx, time.Time{})
}

// BorrowTimeout is Borrow with a timeout instead of a context.Context: 0 returns at once, WaitForever waits. When it is
// over that is ErrTimedOut.
func (r *Reader) BorrowTimeout(timeout time.Duration) (*Buffer, error) {
	switch {
	case timeout == 0:
		return r.TryBorrow()
	case timeout == WaitForever:
		return r.borrow(context.Background(), time.Time{})
	case timeout < 0:
		return nil, invalid(fmt.Sprintf("a timeout of %v is negative", timeout))
	}
	return r.borrow(context.Background(), time.Now().Add(timeout))
}

func (r *Reader) borrow(ctx context.Context, deadline time.Time) (*Buffer, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	buffer, err := r.tryBorrow()
	if !errors.Is(err, ErrTimedOut) {
		return buffer, err
	}
	asleep := r.sleeper.sleep(ctx, deadline, r.waitHandle, func() bool {
		buffer, err = r.tryBorrow()
		return !errors.Is(err, ErrTimedOut)
	})
	if errors.Is(asleep, os.ErrDeadlineExceeded) {
		return r.borrowLate(ctx)
	}
	if asleep != nil {
		return nil, asleep
	}
	return buffer, err
}

// borrowLate ends a wait that took too long, or was cancelled. Out of time, what is below WakeBuffers is taken, too.
func (r *Reader) borrowLate(ctx context.Context) (*Buffer, error) {
	over := ctx.Err()
	if over != nil && !errors.Is(over, context.DeadlineExceeded) {
		return nil, over
	}
	buffer, err := r.tryBorrow()
	if over != nil && errors.Is(err, ErrTimedOut) {
		return nil, over
	}
	return buffer, err
}

// All iterates over the buffers to come, which are the caller's to release. It ends, without an error, when the stream
// was stopped or closed or the reader ended, and all that was queued has been borrowed; or after its first error.
func (r *Reader) All(ctx context.Context) iter.Seq2[*Buffer, error] {
	return func(yield func(*Buffer, error) bool) {
		for {
			buffer, err := r.Borrow(ctx)
			if errors.Is(err, ErrEnd) {
				return
			}
			if !yield(buffer, err) || err != nil {
				return
			}
		}
	}
}

// Each is All for loops that keep nothing: each buffer is released at the end of its round, however that ends: by
// continue, break, return or a panic. Retain what you keep.
func (r *Reader) Each(ctx context.Context) iter.Seq2[*Buffer, error] {
	return func(yield func(*Buffer, error) bool) {
		for buffer, err := range r.All(ctx) {
			if !lend(buffer, err, yield) {
				return
			}
		}
	}
}

func lend(buffer *Buffer, err error, yield func(*Buffer, error) bool) bool {
	if err == nil {
		defer func() { _ = buffer.Release() }() // the loop's body may have released it
	}
	return yield(buffer, err)
}

// ---- ending ----

// Interrupt makes the current or the next borrow return ErrInterrupted, once.
func (r *Reader) Interrupt() error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	return failure(C.acap_reader_interrupt(r.handle()), nil)
}

// End lets the reader get no more buffers; what is queued can still be borrowed, then there is ErrEnd.
func (r *Reader) End() error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	return failure(C.acap_reader_end(r.handle()), nil)
}

// ---- the rest ----

// WaitHandle is a file descriptor for other event loops: readable means to call TryBorrow until ErrTimedOut. Never
// read, write or close it; it is valid until Close.
func (r *Reader) WaitHandle() (uintptr, error) {
	if err := r.enter(); err != nil {
		return 0, err
	}
	defer r.leave()
	return r.waitHandle()
}

func (r *Reader) waitHandle() (uintptr, error) {
	outcome := C.go_reader_get_wait_handle(r.handle())
	return uintptr(outcome.object), settle(outcome)
}

// Stats is the reader's figures now.
func (r *Reader) Stats() (ReaderStats, error) {
	if err := r.enter(); err != nil {
		return ReaderStats{}, err
	}
	defer r.leave()
	stats := C.acap_reader_stats{struct_size: C.sizeof_acap_reader_stats}
	if err := settle(C.go_reader_get_stats(r.handle(), &stats)); err != nil {
		return ReaderStats{}, err
	}
	return ReaderStats{
		QueuedBuffers:     uint32(stats.queued_buffers),
		QueuedBuffersPeak: uint32(stats.queued_buffers_peak),
		StartPosition:     uint64(stats.start_position),
		EndPosition:       uint64(stats.end_position),
		BuffersDelivered:  uint64(stats.buffers_delivered),
		FramesDelivered:   uint64(stats.frames_delivered),
		FramesQueued:      uint64(stats.frames_queued),
		FramesLost:        uint64(stats.frames_lost),
		LostStream:        uint64(stats.lost_stream),
		LostQueue:         uint64(stats.lost_queue),
		LatencyP50:        time.Duration(stats.latency_ns_p50),
		LatencyP99:        time.Duration(stats.latency_ns_p99),
		LatencyMax:        time.Duration(stats.latency_ns_max),
	}, nil
}
