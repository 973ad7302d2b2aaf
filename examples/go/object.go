// SPDX-License-Identifier: MIT

package acap

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A guard counts who is inside a C object: the calls that must be over before it may go. Whoever closes it does not
// wait for them; the last one to leave does what closing meant.
type guard struct {
	word atomic.Uint64 // twice the number of calls, and 1 once it is closed
}

const (
	guardClosed = 1
	guardCall   = 2
)

// enter begins a call, unless the guard is closed. A compare-and-swap: a latecomer that counted itself in and out again
// could be taken for the last one a second time.
func (g *guard) enter() bool {
	for {
		word := g.word.Load()
		if word&guardClosed != 0 {
			return false
		}
		if g.word.CompareAndSwap(word, word+guardCall) {
			return true
		}
	}
}

// leave ends a call, and is true for the last one of a closed guard.
func (g *guard) leave() bool {
	return g.word.Add(^uint64(guardCall-1)) == guardClosed
}

// close lets nobody in any more. isFirst: nobody closed it before; isIdle: nobody is inside, either.
func (g *guard) close() (isFirst, isIdle bool) {
	word := g.word.Or(guardClosed)
	return word&guardClosed == 0, word == 0
}

func (g *guard) isClosed() bool {
	return g.word.Load()&guardClosed != 0
}

// An object is a C handle of which every method may be called by any goroutine at any time, Close included.
type object struct {
	guard
	pointer unsafe.Pointer
	destroy func(unsafe.Pointer)
	cleanup runtime.Cleanup
}

// watch lets the garbage collector destroy a forgotten object. No call can be inside then: its leave would still refer
// to the object.
func watch[T any](owner *T, o *object) {
	o.cleanup = runtime.AddCleanup(owner, o.destroy, o.pointer)
}

// enter begins a call, which leave must end.
func (o *object) enter() error {
	if !o.guard.enter() {
		return ErrClosed
	}
	return nil
}

func (o *object) leave() {
	if o.guard.leave() {
		o.destroy(o.pointer)
	}
}

// shut closes the object, as soon as nobody is inside; a second time it is an error.
func (o *object) shut() error {
	isFirst, isIdle := o.guard.close()
	if !isFirst {
		return ErrClosed
	}
	o.cleanup.Stop()
	if isIdle {
		o.destroy(o.pointer)
	}
	return nil
}
