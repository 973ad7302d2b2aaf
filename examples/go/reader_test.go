// SPDX-License-Identifier: MIT

package acap

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIteration(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	counted := newAccount(t, reader)
	advance(t, stream, 10*frames)
	check(t, stream.Stop())
	var kept []*Buffer
	for buffer, err := range reader.All(t.Context()) {
		check(t, err)
		checkCounts(t, buffer)
		counted.add(t, buffer)
		kept = append(kept, buffer)
	}
	counted.check(t)
	if len(kept) != 10 {
		t.Fatalf("%d buffers", len(kept))
	}
	for _, buffer := range kept { // all of them are still there
		checkCounts(t, buffer)
		release(t, buffer)
	}
	for range reader.All(t.Context()) {
		t.Fatal("something came after the end")
	}
}

func TestEachReleases(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	pool := poolOf(t, stream)
	advance(t, stream, 6*frames)
	check(t, stream.Stop())
	var kept *Buffer
	for buffer, err := range reader.Each(t.Context()) {
		check(t, err)
		switch buffer.Position() / frames {
		case 0:
			continue
		case 1:
			kept = must(buffer.Retain())
		case 2:
			release(t, buffer)
		}
		if buffer.Position() == 3*frames {
			break
		}
	}
	if inUse := checkPool(t, pool).InUse; inUse != 3 { // one kept, two queued
		t.Fatalf("%d buffers are out", inUse)
	}
	func() {
		defer func() { _ = recover() }()
		for range reader.Each(t.Context()) {
			panic("in the middle of the loop")
		}
	}()
	if inUse := checkPool(t, pool).InUse; inUse != 2 {
		t.Fatalf("%d buffers are out after a panic", inUse)
	}
	release(t, kept)
	drain(t, reader)
	if inUse := checkPool(t, pool).InUse; inUse != 0 {
		t.Fatalf("%d buffers are out", inUse)
	}
}

func TestResultsOfBorrow(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	for _, timeout := range []time.Duration{0, time.Millisecond} {
		_, err := reader.BorrowTimeout(timeout)
		expect(t, err, ErrTimedOut)
		expect(t, err, os.ErrDeadlineExceeded)
		var failure *Error
		if !errors.As(err, &failure) || failure.Name() != "ACAP_TIMED_OUT" || !failure.Timeout() {
			t.Errorf("%v", err)
		}
	}
	check(t, reader.Interrupt())
	_, err := reader.BorrowTimeout(WaitForever)
	expect(t, err, ErrInterrupted)
	_, err = reader.TryBorrow()
	expect(t, err, ErrTimedOut)
	_, err = reader.BorrowTimeout(-2)
	expect(t, err, ErrInvalidArgument)
	check(t, reader.End())
	for range 2 {
		_, err = reader.Borrow(t.Context())
		expect(t, err, ErrEnd)
	}
}

func TestEndKeepsWhatIsQueued(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	advance(t, stream, 2*frames)
	check(t, reader.End())
	advance(t, stream, 2*frames)
	if got := drain(t, reader); !reflect.DeepEqual(got, []uint64{0, frames}) {
		t.Fatal(got)
	}
}

func TestOverflow(t *testing.T) {
	for overflow, expected := range map[Overflow][]uint64{
		OverflowDropOldest: {6 * frames, 7 * frames, 8 * frames, 9 * frames},
		OverflowDropNewest: {0, frames, 2 * frames, 3 * frames},
	} {
		t.Run(overflow.String(), func(t *testing.T) {
			stream := openRunning(t, StreamConfig{})
			slow := openReader(t, stream, ReaderConfig{QueueBuffers: 4, Overflow: overflow, Name: "slow"})
			other := openReader(t, stream, ReaderConfig{QueueBuffers: 10})
			advance(t, stream, 10*frames)
			if got := drain(t, slow); !reflect.DeepEqual(got, expected) {
				t.Fatal(got)
			}
			stats := checkReader(t, slow)
			if stats.LostQueue != 6*frames || stats.LostStream != 0 || stats.QueuedBuffersPeak != 4 {
				t.Errorf("%+v", stats)
			}
			if got := drain(t, other); len(got) != 10 {
				t.Fatal(got)
			}
		})
	}
}

func TestPreroll(t *testing.T) {
	stream := openRunning(t, StreamConfig{History: 100 * time.Millisecond})
	advance(t, stream, 100*frames)
	reader := openReader(t, stream, ReaderConfig{Preroll: 50 * time.Millisecond})
	got := drain(t, reader)
	if !reflect.DeepEqual(got, []uint64{95 * frames, 96 * frames, 97 * frames, 98 * frames, 99 * frames}) {
		t.Fatal(got)
	}
}

func TestWakeBuffers(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 16, WakeBuffers: 4})
	waiting := startWaiting(t, reader)
	advance(t, stream, 3*frames)
	waiting.expectAsleep(t)
	advance(t, stream, frames)
	if !settles(func() bool { return waiting.count() == 4 }) {
		t.Fatal("four buffers did not wake the reader")
	}
	check(t, reader.Interrupt())
	expect(t, waiting.wait(t), ErrInterrupted)
	advance(t, stream, frames)
	release(t, must(reader.BorrowTimeout(time.Millisecond))) // not enough to wake, but there at the timeout
	advance(t, stream, frames)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	release(t, must(reader.Borrow(ctx)))
}

func TestStats(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	advance(t, stream, 3*frames)
	reader := openReader(t, stream, ReaderConfig{})
	advance(t, stream, 5*frames)
	for range 2 {
		release(t, must(reader.TryBorrow()))
	}
	stats := checkReader(t, reader)
	stats.LatencyP50, stats.LatencyP99, stats.LatencyMax = 0, 0, 0
	expected := ReaderStats{QueuedBuffers: 3, QueuedBuffersPeak: 5, StartPosition: 3 * frames, EndPosition: 8 * frames,
		BuffersDelivered: 2, FramesDelivered: 2 * frames, FramesQueued: 3 * frames}
	if stats != expected {
		t.Errorf("%+v", stats)
	}
	if reader.Stream() != stream {
		t.Error("another stream")
	}
}

// ---- waiting ----

// A waiter borrows in a goroutine of its own until an error comes.
type waiter struct {
	reader    *Reader
	mutex     sync.Mutex
	positions []uint64
	done      chan error
}

func (w *waiter) run(ctx context.Context) {
	for {
		buffer, err := w.reader.Borrow(ctx)
		if err != nil {
			w.done <- err
			return
		}
		w.mutex.Lock()
		w.positions = append(w.positions, buffer.Position())
		w.mutex.Unlock()
		_ = buffer.Release()
	}
}

func (w *waiter) count() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return len(w.positions)
}

func (w *waiter) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-w.done:
		return err
	case <-time.After(long):
		t.Fatal("nothing woke it")
		return nil
	}
}

func (w *waiter) expectAsleep(t testing.TB) {
	t.Helper()
	if count := w.count(); count != 0 || !w.reader.sleeper.isTaken.Load() {
		t.Fatalf("it woke, and has %d buffers", count)
	}
}

// startWaiting begins to wait, and returns when the waiter is asleep, or as good as.
func startWaitingWith(ctx context.Context, t testing.TB, reader *Reader) *waiter {
	t.Helper()
	w := &waiter{reader: reader, done: make(chan error, 1)}
	go w.run(ctx)
	if !settles(reader.sleeper.isTaken.Load) {
		t.Fatal("it does not wait")
	}
	return w
}

func startWaiting(t testing.TB, reader *Reader) *waiter {
	t.Helper()
	return startWaitingWith(t.Context(), t, reader)
}

func TestWaitingForEachBuffer(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	waiting := startWaiting(t, openReader(t, stream, ReaderConfig{}))
	for count := range 200 {
		advance(t, stream, frames)
		if !settles(func() bool { return waiting.count() == count+1 }) {
			t.Fatalf("buffer %d did not wake the reader", count)
		}
	}
	check(t, stream.Stop())
	expect(t, waiting.wait(t), ErrEnd)
}

func TestEndingAWait(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	audio := stream.Context()
	for _, one := range []struct {
		name  string
		end   func(*Reader) error
		error error
	}{
		{"end", (*Reader).End, ErrEnd},
		{"interrupt", (*Reader).Interrupt, ErrInterrupted},
		{"close", (*Reader).Close, ErrClosed},
		{"stop", func(*Reader) error { return stream.Stop() }, ErrEnd},
		{"close the stream", func(*Reader) error { return stream.Close() }, ErrEnd},
		{"close the context", func(r *Reader) error { return r.Stream().Context().Close() }, ErrEnd},
	} {
		t.Run(one.name, func(t *testing.T) {
			if stream.isClosed() {
				stream = openStream(t, audio, StreamConfig{})
			}
			check(t, stream.Start())
			waiting := startWaiting(t, openReader(t, stream, ReaderConfig{}))
			check(t, one.end(waiting.reader))
			expect(t, waiting.wait(t), one.error)
		})
	}
}

func TestOneWaitsAtATime(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	waiting := startWaiting(t, reader)
	_, err := reader.BorrowTimeout(long)
	expect(t, err, ErrInvalidState)
	_, err = reader.TryBorrow() // does not wait, and does not harm who does
	expect(t, err, ErrTimedOut)
	advance(t, stream, frames)
	if !settles(func() bool { return waiting.count() == 1 }) {
		t.Fatal("the wake-up was lost")
	}
	check(t, reader.End())
	expect(t, waiting.wait(t), ErrEnd)
}

func TestCancelling(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	waiting := startWaitingWith(ctx, t, reader)
	cancel()
	expect(t, waiting.wait(t), context.Canceled)
	advance(t, stream, frames)
	_, err := reader.Borrow(ctx)
	expect(t, err, context.Canceled)
	if got := drain(t, reader); len(got) != 1 { // it was not taken
		t.Fatal(got)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = reader.Borrow(ctx)
	expect(t, err, context.DeadlineExceeded)
}

// A cancellation that comes just when a buffer does must end the wait that it was meant for, or none; whoever waits
// next sees nothing of it, nor of an Interrupt's flag.
func TestALateCancellationDoesNotLeak(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	var cancelled int
	for range 2000 {
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Add(2)
		go func() { defer group.Done(); cancel() }()
		go func() { defer group.Done(); _ = stream.SimAdvance(frames) }()
		buffer, err := reader.Borrow(ctx)
		if err != nil {
			expect(t, err, context.Canceled)
			cancelled++
			buffer = must(reader.BorrowTimeout(long)) // another wait, with another end
		}
		checkCounts(t, buffer)
		release(t, buffer)
		group.Wait()
	}
	t.Logf("%d of 2000 were cancelled", cancelled)
	stats := checkReader(t, reader)
	if stats.FramesDelivered != 2000*frames || stats.FramesLost != 0 {
		t.Errorf("%+v", stats)
	}
}

// Sixty goroutines that wait take no thread each.
func TestWaitingCostsNoThread(t *testing.T) {
	const readers = 60
	stream := openRunning(t, StreamConfig{})
	threads := pprof.Lookup("threadcreate").Count()
	goroutines := runtime.NumGoroutine()
	var all []*waiter
	for range readers {
		all = append(all, startWaiting(t, openReader(t, stream, ReaderConfig{QueueBuffers: 4})))
	}
	for range 3 {
		advance(t, stream, frames)
	}
	for _, one := range all {
		if !settles(func() bool { return one.count() == 3 }) {
			t.Fatal("a reader does not wake")
		}
	}
	if made := pprof.Lookup("threadcreate").Count() - threads; made > readers/4 {
		t.Errorf("%d threads for %d waiting goroutines", made, readers)
	}
	check(t, stream.Stop())
	for _, one := range all {
		expect(t, one.wait(t), ErrEnd)
	}
	if !settles(func() bool { return runtime.NumGoroutine() <= goroutines }) {
		t.Errorf("%d goroutines, and %d before", runtime.NumGoroutine(), goroutines)
	}
}

// A program that is started inherits no wait handle.
func TestDescriptorsAreNotInherited(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("this system has no /proc")
	}
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	before := countDescriptors(t)
	_, err := reader.BorrowTimeout(time.Millisecond)
	expect(t, err, ErrTimedOut)
	if made := countDescriptors(t) - before; made != 2 {
		t.Errorf("a reader that waited has %d descriptors, not the library's and its duplicate", made)
	}
	listed, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	check(t, err)
	if strings.Contains(string(listed), "eventfd") {
		t.Errorf("the child has them:\n%s", listed)
	}
	checkReader(t, reader)
	check(t, reader.Close())
	if left := countDescriptors(t) - before; left != 0 {
		t.Errorf("%d descriptors are left", left)
	}
}

func countDescriptors(t testing.TB) (count int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	check(t, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.Contains(target, "eventfd") {
			count++
		}
	}
	return count
}

// A packet is two calls into C, borrow and release, whatever Go does in between.
func TestTwoCallsAPacket(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 100})
	advance(t, stream, 100*frames)
	before := runtime.NumCgoCall()
	for range 100 {
		buffer, err := reader.Borrow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		samples, err := buffer.Float32s()
		if err != nil || !counts(samples, buffer.Position(), buffer.ChannelCount()) || buffer.Release() != nil {
			t.Fatalf("%v: %v", buffer, err)
		}
	}
	if calls := runtime.NumCgoCall() - before; calls != 200 {
		t.Errorf("%d calls for 100 packets", calls)
	}
}

func TestRealTime(t *testing.T) {
	stream := openStream(t, openContext(t), StreamConfig{Device: "sim:counter"})
	reader := openReader(t, stream, ReaderConfig{})
	counted := newAccount(t, reader)
	check(t, stream.Start())
	for counted.frames+counted.gaps < 4800 {
		buffer := must(reader.BorrowTimeout(long))
		checkCounts(t, buffer)
		counted.add(t, buffer)
		release(t, buffer)
	}
	check(t, stream.Stop())
	for buffer, err := range reader.Each(t.Context()) {
		check(t, err)
		counted.add(t, buffer)
	}
	counted.check(t)
}
