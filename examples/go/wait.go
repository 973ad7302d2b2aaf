// SPDX-License-Identifier: MIT

package acap

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A sleeper lets one goroutine wait until a wait handle of the library is readable. It waits in Go's own poller, where
// it costs no thread, and a cancelled context ends it by a deadline on the descriptor. A wait inside the library would
// hold a thread, and could only be ended by acap_reader_interrupt: a flag that a cancellation may raise just after the
// borrow has returned, and that the user's own Interrupt raises, too.
type sleeper struct {
	isTaken atomic.Bool

	mutex    sync.Mutex // of what follows, against close
	file     *os.File
	isClosed bool
}

var (
	errAnotherWaits = &Error{ErrInvalidState, "another goroutine waits for the same object"}
	longAgo         = time.Unix(1, 0)
)

// sleep calls try whenever there may be something, until it returns true. Otherwise it ends by an error: ErrClosed, or
// os.ErrDeadlineExceeded at the deadline (zero: none) or when the context is done.
func (s *sleeper) sleep(ctx context.Context, deadline time.Time, handle func() (uintptr, error), try func() bool) error {
	if !s.isTaken.CompareAndSwap(false, true) {
		return errAnotherWaits
	}
	defer s.isTaken.Store(false)
	file, err := s.open(handle)
	if err != nil {
		return err
	}
	connection, err := file.SyscallConn()
	if err != nil {
		return ErrClosed
	}
	if file.SetReadDeadline(deadline) != nil {
		return ErrClosed
	}
	if ctx.Done() != nil {
		defer expireWith(ctx, file)()
	}
	// What the poller noticed before is forgotten when Read begins, so that the first try must come after that. The
	// library arms the descriptor in the try that finds nothing.
	err = connection.Read(func(uintptr) bool { return try() })
	if err != nil && s.closed() {
		return ErrClosed
	}
	return err
}

// expireWith ends the wait for a descriptor when a context is done. What it returns undoes that, and returns only when
// no late cancellation can reach whoever waits next.
func expireWith(ctx context.Context, file *os.File) (undo func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = file.SetReadDeadline(longAgo) // fails when it is closed, which ends the wait as well
		close(done)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// open makes the file when it is first needed. A duplicate: the library's own descriptor must not be closed, and goes
// with the object.
func (s *sleeper) open(handle func() (uintptr, error)) (*os.File, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.isClosed {
		return nil, ErrClosed
	}
	if s.file != nil {
		return s.file, nil
	}
	descriptor, err := handle()
	if err != nil {
		return nil, err
	}
	duplicate, err := duplicateDescriptor(descriptor)
	if err != nil {
		return nil, &Error{ErrLimit, "no descriptor is left to wait with: " + err.Error()}
	}
	file := os.NewFile(duplicate, "acap wait handle")
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		_ = file.Close()
		return nil, &Error{ErrBackend, "the wait handle cannot be polled: " + err.Error()}
	}
	s.file = file
	return file, nil
}

func duplicateDescriptor(descriptor uintptr) (uintptr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	duplicate, err := syscall.Dup(int(descriptor))
	if err != nil {
		return 0, err
	}
	syscall.CloseOnExec(duplicate)
	return uintptr(duplicate), nil
}

func (s *sleeper) closed() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.isClosed
}

// close wakes whoever sleeps, and lets nobody sleep any more.
func (s *sleeper) close() {
	s.mutex.Lock()
	file := s.file
	s.isClosed = true
	s.mutex.Unlock()
	if file != nil {
		_ = file.Close()
	}
}
