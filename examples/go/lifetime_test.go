// SPDX-License-Identifier: MIT

package acap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const (
	partContext = iota
	partStream
	partReader
	partPool
	partBuffer
	partCount
)

var partNames = [partCount]string{"context", "stream", "reader", "pool", "buffer"}

// A closer is any of the parts.
type closer interface{ Close() error }

type releasing struct{ *Buffer }

func (b releasing) Close() error { return b.Release() }

func makeParts(t testing.TB) (parts [partCount]closer, observer *Pool) {
	t.Helper()
	audio := must(NewContext(ContextConfig{Backend: "sim"}))
	stream := must(audio.OpenStream(StreamConfig{Device: counter}))
	reader := must(stream.OpenReader(ReaderConfig{}))
	check(t, stream.Start())
	advance(t, stream, 3*frames)
	pool := must(stream.Pool())
	parts = [partCount]closer{audio, stream, reader, pool, releasing{must(reader.TryBorrow())}}
	checkReader(t, reader)
	checkStream(t, stream)
	return parts, must(pool.Retain())
}

// eachOrder calls a function with every order of the parts.
func eachOrder(order []int, call func([]int)) {
	if len(order) == partCount {
		call(order)
		return
	}
next:
	for part := range partCount {
		for _, used := range order {
			if used == part {
				continue next
			}
		}
		eachOrder(append(order, part), call)
	}
}

func nameOrder(order []int) string {
	var words []string
	for _, part := range order {
		words = append(words, partNames[part])
	}
	return strings.Join(words, "-")
}

func TestAnyOrderOfClosing(t *testing.T) {
	eachOrder(nil, func(order []int) {
		parts, observer := makeParts(t)
		defer func() { _ = observer.Close() }()
		for _, part := range order {
			if part == partBuffer {
				checkCounts(t, parts[part].(releasing).Buffer)
			}
			check(t, parts[part].Close())
			expect(t, parts[part].Close(), ErrInvalidState)
		}
		if stats := checkPool(t, observer); stats.InUse != 0 || stats.RejectedReleases != 0 {
			t.Errorf("%s: %+v", nameOrder(order), stats)
		}
	})
}

func TestAnyOrderOfForgetting(t *testing.T) {
	var observers []*Pool
	eachOrder(nil, func(order []int) {
		parts, observer := makeParts(t)
		observers = append(observers, observer)
		for _, part := range order {
			parts[part] = nil
			if part == order[len(order)/2] {
				runtime.GC()
			}
		}
	})
	for _, observer := range observers {
		expectAllBack(t, observer)
		check(t, observer.Close())
	}
}

// expectAllBack waits until the collector has given back what was forgotten.
func expectAllBack(t testing.TB, pool *Pool) {
	t.Helper()
	if !settles(func() bool { runtime.GC(); return must(pool.Stats()).InUse == 0 }) {
		t.Fatalf("%d forgotten buffers do not come back", must(pool.Stats()).InUse)
	}
	if stats := checkPool(t, pool); stats.RejectedReleases != 0 {
		t.Fatalf("%+v", stats)
	}
}

func TestForgottenBuffersComeBack(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 100})
	pool := poolOf(t, stream)
	advance(t, stream, 100*frames)
	forget := func() {
		type circle struct {
			*Buffer
			self *circle
		}
		for range 50 {
			_ = must(reader.TryBorrow())
			one := &circle{Buffer: must(reader.TryBorrow())}
			one.self = one
		}
	}
	forget()
	if stats := checkPool(t, pool); stats.InUse == 0 || stats.OldestHeld == 0 {
		t.Errorf("nobody reports what was forgotten: %+v", stats)
	}
	expectAllBack(t, pool)
	if stats := checkPool(t, pool); stats.InUsePeak != 100 {
		t.Errorf("%+v", stats)
	}
}

func TestForgottenObjectsAreClosed(t *testing.T) {
	pool := must(NewPool(PoolConfig{BufferSizeBytes: 3840, BuffersMin: 64}))
	func() { // the context, the stream and the reader are forgotten with what is queued
		audio := must(NewContext(ContextConfig{Backend: "sim"}))
		stream := must(audio.OpenStream(StreamConfig{Device: counter, Pool: pool}))
		reader := must(stream.OpenReader(ReaderConfig{}))
		check(t, stream.Start())
		advance(t, stream, 10*frames)
		if checkReader(t, reader).QueuedBuffers != 10 {
			t.Error("nothing is queued")
		}
	}()
	expectAllBack(t, pool)
	check(t, pool.Close())
}

func TestAReaderKeepsItsStream(t *testing.T) {
	audio := openContext(t)
	reader := func() *Reader {
		return must(must(audio.OpenStream(StreamConfig{Device: counter})).OpenReader(ReaderConfig{}))
	}()
	for range 3 {
		runtime.GC()
	}
	check(t, reader.Stream().Start())
	advance(t, reader.Stream(), frames)
	if got := drain(t, reader); len(got) != 1 {
		t.Fatal(got)
	}
	checkReader(t, reader)
}

// A goroutine that waits keeps what it waits for, even if nobody else does.
func TestAWaitIsNotCollected(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	w := startWaiting(t, must(stream.OpenReader(ReaderConfig{})))
	done := w.done
	count := w.count
	w = nil
	for range 5 {
		runtime.GC()
	}
	advance(t, stream, frames)
	if !settles(func() bool { return count() == 1 }) {
		t.Fatal("it was collected")
	}
	check(t, stream.Stop())
	expect(t, <-done, ErrEnd)
	_ = w
}

func TestABufferOutlivesEverything(t *testing.T) {
	parts, observer := makeParts(t)
	buffer := parts[partBuffer].(releasing).Buffer
	for _, part := range []int{partContext, partStream, partReader, partPool} {
		check(t, parts[part].Close())
	}
	check(t, observer.Close())
	parts = [partCount]closer{}
	runtime.GC()
	checkCounts(t, buffer)
	other := must(buffer.Retain())
	release(t, buffer)
	checkCounts(t, other)
	release(t, other)
}

// ---- many goroutines ----

func TestReleasesFromManyGoroutines(t *testing.T) {
	const count, workers = 200, 4
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: count})
	advance(t, stream, count*frames)
	var buffers []*Buffer
	for range count {
		buffers = append(buffers, must(reader.TryBorrow()))
	}
	var group sync.WaitGroup
	won := make([]int, workers)
	for worker := range workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for _, buffer := range buffers {
				_, _ = buffer.CopyTo(make([]byte, 16))
				switch err := buffer.Release(); {
				case err == nil:
					won[worker]++
				case !errors.Is(err, ErrReleased):
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	if sum := won[0] + won[1] + won[2] + won[3]; sum != count {
		t.Errorf("%d releases succeeded", sum)
	}
	if stats := checkPool(t, poolOf(t, stream)); stats.InUse != 0 || stats.RejectedReleases != 0 {
		t.Errorf("%+v", stats)
	}
}

// Whoever comes too late gets an error; nobody touches what is gone, and Close waits for nobody.
func TestClosingWhileOthersCall(t *testing.T) {
	audio := openContext(t)
	for round := range 40 {
		stream := must(audio.OpenStream(StreamConfig{Device: counter}))
		reader := must(stream.OpenReader(ReaderConfig{QueueBuffers: 4}))
		other := must(NewContext(ContextConfig{Backend: "sim"}))
		check(t, stream.Start())
		calls := []func() error{
			func() error { return stream.SimAdvance(frames) },
			func() error { _, err := reader.Stats(); return err },
			func() error { _, err := stream.Stats(); return err },
			func() error { return callPool(stream) },
			func() error { return callBorrow(reader.Borrow(context.Background())) },
			func() error { return callBorrow(reader.TryBorrow()) },
			func() error { _, err := other.NextEvent(context.Background()); return err },
			func() error { _, err := other.Devices(); return err },
		}
		var group sync.WaitGroup
		for _, call := range calls {
			group.Add(1)
			go func() {
				defer group.Done()
				var err error
				for err == nil || errors.Is(err, ErrTimedOut) {
					err = call()
				}
				if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrEnd) {
					t.Error(err)
				}
			}()
		}
		closers := []closer{reader, stream, other}
		rand.New(rand.NewPCG(1, uint64(round))).Shuffle(len(closers), func(i, j int) {
			closers[i], closers[j] = closers[j], closers[i]
		})
		for _, one := range closers {
			runtime.Gosched()
			check(t, one.Close())
		}
		group.Wait()
	}
}

// Close does not wait for a device that does not answer; who does wait for it closes the stream in the end.
func TestClosingDoesNotWait(t *testing.T) {
	stream := openStream(t, openContext(t), StreamConfig{Device: "sim:counter?stuck=start:2s"})
	reader := openReader(t, stream, ReaderConfig{})
	started := make(chan error, 1)
	go func() { started <- stream.Start() }()
	if !settles(func() bool { return stream.word.Load() >= guardCall }) {
		t.Fatal("nobody starts")
	}
	check(t, stream.Close())
	_, err := stream.Stats()
	expect(t, err, ErrClosed)
	select {
	case err := <-started:
		t.Errorf("the start was over before the close: %v", err)
	default:
	}
	_, err = reader.Borrow(t.Context())
	expect(t, err, ErrEnd)
	<-started
}

func callPool(stream *Stream) error {
	pool, err := stream.Pool()
	if err != nil {
		return err
	}
	return pool.Close()
}

func callBorrow(buffer *Buffer, err error) error {
	if err != nil {
		return err
	}
	return buffer.Release()
}

// A torturer holds, shares, forgets and checks buffers in an order that a seed decides.
type torturer struct {
	t      *testing.T
	random *rand.Rand
	stream *Stream
	reader *Reader
	held   []*Buffer
}

func (o *torturer) run() {
	for range 300 {
		if err := o.stream.SimAdvance(frames * uint64(o.random.IntN(5))); err != nil {
			o.t.Error(err)
		}
		for {
			buffer, err := o.reader.TryBorrow()
			if err != nil {
				break
			}
			o.use(buffer)
		}
		o.random.Shuffle(len(o.held), func(i, j int) { o.held[i], o.held[j] = o.held[j], o.held[i] })
		if len(o.held) > 16 {
			clear(o.held[16:]) // forgotten
			o.held = o.held[:16]
		}
	}
}

func (o *torturer) use(buffer *Buffer) {
	switch o.random.IntN(4) {
	case 0:
		if err := look(buffer); err != nil {
			o.t.Error(err)
		}
		_ = buffer.Release()
	case 1:
		o.held = append(o.held, buffer)
	case 2:
		other := must(buffer.Retain())
		_ = buffer.Release()
		o.held = append(o.held, other)
	case 3:
		go func() { _ = buffer.Release() }()
		if err := look(buffer); err != nil && !errors.Is(err, ErrReleased) {
			o.t.Error(err)
		}
	}
}

func look(buffer *Buffer) error {
	return UseSamples(buffer, func(samples []float32) error {
		if !counts(samples, buffer.Position(), buffer.ChannelCount()) {
			return fmt.Errorf("%v does not hold what was captured", buffer)
		}
		return nil
	})
}

func TestTorture(t *testing.T) {
	stop := make(chan struct{})
	var collector, group sync.WaitGroup
	collector.Add(1)
	go func() {
		defer collector.Done()
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	audio := openContext(t)
	for seed := range 4 {
		stream := openStream(t, audio, StreamConfig{})
		one := &torturer{t: t, random: rand.New(rand.NewPCG(7, uint64(seed))), stream: stream,
			reader: openReader(t, stream, ReaderConfig{QueueBuffers: 32})}
		check(t, stream.Start())
		group.Add(1)
		go func() {
			defer group.Done()
			one.run()
			for _, buffer := range one.held {
				checkCounts(t, buffer)
			}
			one.held = nil
		}()
		defer func() { expectAllBack(t, poolOf(t, stream)) }()
	}
	group.Wait()
	close(stop)
	collector.Wait()
}
