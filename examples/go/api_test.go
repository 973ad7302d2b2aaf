// SPDX-License-Identifier: MIT

package acap

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// ---- errors ----

func TestAnErrorSaysWhatAndWhy(t *testing.T) {
	audio := openContext(t)
	_, err := audio.OpenStream(StreamConfig{Device: "sim:trumpet"})
	expect(t, err, ErrNoDevice)
	var failure *Error
	if !errors.As(err, &failure) {
		t.Fatalf("%T", err)
	}
	if failure.Result != -4 || failure.Name() != "ACAP_ERROR_NO_DEVICE" || !strings.Contains(failure.Text, "trumpet") ||
		failure.Error() != failure.Text+" (ACAP_ERROR_NO_DEVICE)" {
		t.Errorf("%+v", failure)
	}
	var result Result
	if !errors.As(err, &result) || result != ErrNoDevice {
		t.Error(result)
	}
	_, err = audio.OpenStream(StreamConfig{Device: "sim:sine?hertz=440"})
	expect(t, err, ErrInvalidArgument)
	if !strings.Contains(err.Error(), "hertz") {
		t.Error(err)
	}
}

// The text belongs to the thread of the failing call: here many threads fail in different ways at once.
func TestEachThreadHasItsOwnText(t *testing.T) {
	audio := openContext(t)
	done := make(chan error)
	for _, name := range []string{"alto", "bass", "cello", "drum"} {
		go func() {
			for range 500 {
				_, err := audio.OpenStream(StreamConfig{Device: "sim:" + name})
				if !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), name) {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		check(t, <-done)
	}
}

func TestErrors(t *testing.T) {
	for _, one := range []struct {
		err, target error
		is          bool
	}{
		{ErrClosed, ErrInvalidState, true},
		{ErrClosed, fs.ErrClosed, true},
		{ErrReleased, ErrClosed, false},
		{ErrPermission, fs.ErrPermission, true},
		{ErrEnd, fs.ErrClosed, false},
		{&Error{ErrLimit, "too many"}, ErrLimit, true},
		{&Error{ErrLimit, "too many"}, ErrNoMemory, false},
	} {
		if errors.Is(one.err, one.target) != one.is {
			t.Errorf("%v is %v: not %v", one.err, one.target, one.is)
		}
	}
	var failure *Error
	if !errors.As(ErrReleased, &failure) || failure.Result != ErrInvalidState {
		t.Error(failure)
	}
	if ErrTimedOut.Error() != "Nothing came within the timeout. (ACAP_TIMED_OUT)" || ErrEnd.Timeout() {
		t.Error(ErrTimedOut)
	}
	if Result(-999).Name() != "ACAP_UNKNOWN_RESULT" {
		t.Error(Result(-999))
	}
}

func TestAFailingDevice(t *testing.T) {
	audio := openContext(t)
	_, err := audio.OpenStream(StreamConfig{Device: "sim:counter?fail=open"})
	expect(t, err, ErrBackend)
	stream := openStream(t, audio, StreamConfig{Device: "sim:counter?fail=start"})
	expect(t, stream.Start(), ErrBackend)
}

func TestWhatIsClosed(t *testing.T) {
	audio := openContext(t)
	stream := openStream(t, audio, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	pool := poolOf(t, stream)
	checkReader(t, reader)
	checkStream(t, stream)
	for _, one := range []closer{reader, stream, pool, audio} {
		check(t, one.Close())
	}
	value := reflect.ValueOf
	for _, one := range []reflect.Value{value(audio), value(stream), value(reader), value(pool)} {
		for i := range one.NumMethod() {
			callClosed(t, one.Type().Method(i), one)
		}
	}
	_, err := audio.OpenStream(StreamConfig{Pool: pool})
	expect(t, err, ErrClosed)
	_, err = NewByteReader(t.Context(), reader, true)
	expect(t, err, ErrClosed)
	other := openContext(t)
	_, err = other.OpenStream(StreamConfig{Device: counter, Pool: pool})
	expect(t, err, ErrClosed)
}

// callClosed calls a method with whatever arguments, and expects that its error, or what it iterates to, is ErrClosed.
func callClosed(t *testing.T, method reflect.Method, object reflect.Value) {
	t.Helper()
	arguments := []reflect.Value{object}
	for i := 1; i < method.Type.NumIn(); i++ {
		argument := reflect.Zero(method.Type.In(i))
		if method.Type.In(i) == reflect.TypeFor[context.Context]() {
			argument = reflect.ValueOf(t.Context())
		}
		arguments = append(arguments, argument)
	}
	results := method.Func.Call(arguments)
	last := results[len(results)-1].Interface()
	if last == nil {
		t.Errorf("%v.%s: no error", object.Type(), method.Name)
		return
	}
	switch last := last.(type) {
	case *Context, *Stream: // what it belongs to
	case error:
		if !errors.Is(last, ErrClosed) {
			t.Errorf("%v.%s: %v", object.Type(), method.Name, last)
		}
	default:
		rounds := 0
		for _, err := range reflect.ValueOf(last).Seq2() {
			rounds++
			if !errors.Is(err.Interface().(error), ErrClosed) {
				t.Errorf("%v.%s: %v", object.Type(), method.Name, err)
			}
		}
		if rounds != 1 {
			t.Errorf("%v.%s: %d rounds", object.Type(), method.Name, rounds)
		}
	}
}

// ---- contexts and devices ----

func TestBackends(t *testing.T) {
	for _, backend := range []string{"sim", "push", "portaudio"} {
		audio, err := NewContext(ContextConfig{Backend: backend})
		check(t, err)
		check(t, audio.Close())
	}
	_, err := NewContext(ContextConfig{Backend: "tape"})
	expect(t, err, ErrInvalidArgument)
	_, err = NewContext(ContextConfig{Backend: "si\x00m"})
	expect(t, err, ErrInvalidArgument)
}

func TestDevices(t *testing.T) {
	devices, err := openContext(t).Devices()
	check(t, err)
	var ids []string
	defaults := 0
	for _, device := range devices {
		ids = append(ids, device.ID)
		if device.Flags&DeviceDefault != 0 {
			defaults++
		}
		if device.MaxChannelCount == 0 || device.DefaultSampleRateHz == 0 || device.HostAPI == "" || device.Name == "" ||
			device.HighLatency < device.LowLatency {
			t.Errorf("%+v", device)
		}
	}
	if defaults != 1 || !slices.Contains(ids, "sim:sine") {
		t.Errorf("%+v", devices)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("ACAP_BACKEND", "sim")
	t.Setenv("ACAP_DEVICE", "sim:silence?pace=manual")
	audio := must(NewContext(ContextConfig{}))
	stream := must(audio.OpenStream(StreamConfig{}))
	info := must(stream.Info())
	if info.Backend != "sim" || !strings.HasPrefix(info.DeviceID, "sim:silence") {
		t.Errorf("%+v", info)
	}
	check(t, audio.Close())
	check(t, stream.Close())
}

func TestCheckSupported(t *testing.T) {
	audio := openContext(t)
	check(t, audio.CheckSupported(StreamConfig{Device: counter}))
	if audio.CheckSupported(StreamConfig{Device: counter, SampleRateHz: 7}) == nil {
		t.Error("7 Hz are supported")
	}
}

// ---- streams ----

func TestInfo(t *testing.T) {
	audio := openContext(t)
	stream := openStream(t, audio, StreamConfig{SampleRateHz: 44_100, ChannelCount: 5, Format: FormatS24, FramesPerBuffer: 128,
		Flags: StreamPlanar})
	other := openStream(t, audio, StreamConfig{})
	info := must(stream.Info())
	id := info.StreamID
	info.StreamID, info.Latency = 0, 0
	expected := StreamInfo{SampleRateHz: 44_100, ChannelCount: 5, Format: FormatS24, FramesPerBuffer: 128, Flags: StreamPlanar,
		DeviceID: counter, Backend: "sim"}
	if info != expected || id == 0 || must(other.Info()).StreamID <= id || stream.Context() != audio {
		t.Errorf("%+v", info)
	}
}

func TestStartStopStartGoesOn(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	counted := newAccount(t, reader)
	for round := range 3 {
		check(t, stream.Start())
		check(t, stream.Start())
		advance(t, stream, 2*frames)
		check(t, stream.Stop())
		check(t, stream.Stop())
		for buffer, err := range reader.Each(t.Context()) {
			check(t, err)
			checkCounts(t, buffer)
			counted.add(t, buffer)
		}
		_, err := reader.TryBorrow()
		expect(t, err, ErrEnd)
		if counted.frames != uint64(round+1)*2*frames {
			t.Error(counted.frames)
		}
	}
	counted.check(t)
}

func TestStreamStats(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	advance(t, stream, 10*frames+7)
	stats := checkStream(t, stream)
	if stats.State != StateRunning || stats.Position != 10*frames || stats.BuffersFilled != 10 || stats.Callbacks != 10 ||
		stats.CallbackTotal < stats.CallbackMax || stats.CallbackMax <= 0 || stats.Realtime {
		t.Errorf("%+v", stats)
	}
	check(t, stream.Stop())
	if state := checkStream(t, stream).State; state != StateStopped {
		t.Error(state)
	}
}

func isAbout(count, expected uint64) bool {
	return math.Abs(float64(count)-float64(expected)) <= float64(expected)/10
}

func TestLostFramesAreCounted(t *testing.T) {
	stream := openRunning(t, StreamConfig{Device: counter + "&xrun=2s:4800f:flag"})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 1000})
	counted := newAccount(t, reader)
	advance(t, stream, 480_000)
	check(t, stream.Stop())
	var lost, overflows uint64
	for buffer, err := range reader.Each(t.Context()) {
		check(t, err)
		counted.add(t, buffer)
		if (buffer.Flags()&BufferGap != 0) != (buffer.LostBefore() != 0) {
			t.Errorf("%v lost %d", buffer.Flags(), buffer.LostBefore())
		}
		lost += buffer.LostBefore()
		if buffer.Flags()&BufferHostOverflow != 0 {
			overflows++
		}
	}
	counted.check(t)
	stats, source := checkReader(t, reader), checkStream(t, stream)
	if !isAbout(lost, 4800) || lost != counted.gaps || lost != stats.LostStream || lost != source.LostHost ||
		overflows != 1 || source.HostOverflows != 1 || stats.LostQueue != 0 {
		t.Errorf("lost %d, %d overflows, %+v, %+v", lost, overflows, stats, source)
	}
}

func TestDeviceLost(t *testing.T) {
	stream := openRunning(t, StreamConfig{Device: counter + "&unplug=100ms"})
	reader := openReader(t, stream, ReaderConfig{})
	counted := newAccount(t, reader)
	advance(t, stream, 480_000)
	var last error
	for buffer, err := range reader.Each(t.Context()) {
		if last = err; err == nil {
			counted.add(t, buffer)
		}
	}
	expect(t, last, ErrDeviceLost)
	_, err := reader.TryBorrow()
	expect(t, err, ErrDeviceLost)
	if stats := checkStream(t, stream); stats.State != StateLost || stats.FramesCaptured != counted.frames || counted.frames == 0 {
		t.Errorf("%+v, %+v", stats, counted)
	}
}

func TestADeviceComesBack(t *testing.T) {
	stream := openRunning(t, StreamConfig{Device: counter + "&unplug=1s&replug=4s", OnDeviceLost: OnLostWait})
	reader := openReader(t, stream, ReaderConfig{QueueBuffers: 1000})
	counted := newAccount(t, reader)
	advance(t, stream, 480_000)
	check(t, stream.Stop())
	recovered := uint64(0)
	for buffer, err := range reader.Each(t.Context()) {
		check(t, err)
		counted.add(t, buffer)
		if buffer.Flags()&BufferRecovered != 0 {
			recovered++
		}
	}
	counted.check(t)
	if stats := checkStream(t, stream); recovered != 1 || stats.Recoveries != 1 || stats.LostHost == 0 {
		t.Errorf("%d, %+v", recovered, stats)
	}
}

// ---- push and virtual time ----

func TestPush(t *testing.T) {
	stream := openStream(t, openContext(t), StreamConfig{Device: "push:", Format: FormatS16, FramesPerBuffer: 4})
	reader := openReader(t, stream, ReaderConfig{})
	samples := []int16{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	expect(t, stream.Push(SampleBytes(samples), 0), ErrInvalidState)
	check(t, stream.Start())
	check(t, stream.Push(SampleBytes(samples), 1_000_000))
	check(t, stream.PushLost(3, 0))
	check(t, stream.Push(nil, 0))
	check(t, stream.Push(SampleBytes(samples[:8]), 0))
	expect(t, stream.Push(make([]byte, 9), 0), ErrInvalidArgument)
	check(t, stream.Stop())
	var got []int16
	var last *Buffer
	for buffer, err := range reader.Each(t.Context()) {
		check(t, err)
		if got = append(got, must(buffer.Int16s())...); buffer.Position() == 0 && buffer.TimeNS() != 1_000_000 {
			t.Error(buffer.TimeNS())
		}
		last = buffer
	}
	if !reflect.DeepEqual(got, append(slices.Clone(samples), samples[:8]...)) || last.Position() != 11 || last.LostBefore() != 3 {
		t.Error(got, last)
	}
	if lost := checkStream(t, stream).LostHost; lost != 3 {
		t.Error(lost)
	}
	other := openRunning(t, StreamConfig{})
	expect(t, other.Push(make([]byte, 8), 0), ErrInvalidArgument)
	expect(t, stream.SimAdvance(1), ErrInvalidArgument)
}

// ---- pools ----

func TestPool(t *testing.T) {
	pool := must(NewPool(PoolConfig{BufferSizeBytes: 1000, BuffersMin: 2, BuffersMax: 2}))
	one, two := must(pool.Acquire()), must(pool.Acquire())
	_, err := pool.Acquire()
	expect(t, err, ErrPoolExhausted)
	if one.Format() != FormatNone || one.FrameCount() != 0 || one.SizeBytes() != 1000 {
		t.Errorf("%+v", one.header)
	}
	copy(must(one.WritableBytes()), "acap")
	if string(must(one.Bytes())[:4]) != "acap" {
		t.Error("it was written elsewhere")
	}
	_, err = one.Float32s()
	expect(t, err, ErrInvalidArgument)
	release(t, one)
	release(t, two)
	stats := checkPool(t, pool)
	if stats.Acquired != 2 || stats.Exhausted != 1 || stats.Capacity != 2 || stats.InUsePeak != 2 ||
		math.Abs(stats.HitRate-2.0/3) > 1e-9 {
		t.Errorf("%+v", stats)
	}
	again := must(pool.Acquire())
	other := must(pool.Retain())
	check(t, pool.Close())
	if stats := checkPool(t, other); stats.Recycled != 1 || stats.InUse != 1 || stats.OldestHeld <= 0 {
		t.Errorf("%+v", stats)
	}
	check(t, other.Close())
	copy(must(again.WritableBytes()), "still there")
	release(t, again)
}

func TestASharedPool(t *testing.T) {
	audio := openContext(t)
	pool := must(NewPool(PoolConfig{BufferSizeBytes: 3840, BuffersMin: 64}))
	var readers []*Reader
	for range 2 {
		stream := openStream(t, audio, StreamConfig{Pool: pool})
		readers = append(readers, openReader(t, stream, ReaderConfig{}))
		check(t, stream.Start())
		advance(t, stream, 10*frames)
	}
	if inUse := checkPool(t, pool).InUse; inUse != 20 {
		t.Error(inUse)
	}
	for _, reader := range readers {
		if got := drain(t, reader); len(got) != 10 {
			t.Error(got)
		}
	}
	if inUse := checkPool(t, pool).InUse; inUse != 0 {
		t.Error(inUse)
	}
	_, err := audio.OpenStream(StreamConfig{Device: counter, ChannelCount: 8, Pool: pool})
	expect(t, err, ErrLimit)
	check(t, pool.Close())
}

func TestPoolLimits(t *testing.T) {
	stream := openStream(t, openContext(t), StreamConfig{PoolBuffersMin: 4, PoolBuffersMax: 8})
	if most := checkPool(t, poolOf(t, stream)).BuffersMax; most != 8 {
		t.Error(most)
	}
	_, err := stream.OpenReader(ReaderConfig{QueueBuffers: 100})
	expect(t, err, ErrLimit)
}

// ---- events ----

func TestEvents(t *testing.T) {
	audio := openContext(t)
	_, err := audio.TryNextEvent()
	expect(t, err, ErrTimedOut)
	stream := openStream(t, audio, StreamConfig{Device: counter + "&xrun=2s:4800f&unplug=8s"})
	check(t, stream.Start())
	advance(t, stream, 480_000)
	types := map[EventType]Event{}
	for {
		event, err := audio.TryNextEvent()
		if errors.Is(err, ErrTimedOut) {
			break
		}
		check(t, err)
		types[event.Type] = event
	}
	lost := types[EventFramesLost]
	if !isAbout(lost.Frames, 4800) || lost.StreamID != must(stream.Info()).StreamID || lost.EventsLost != 0 || lost.TimeNS <= 0 ||
		lost.Level < LevelError || lost.Level > LevelInfo || lost.Text == "" {
		t.Errorf("%+v", lost)
	}
	if _, isThere := types[EventStreamLost]; !isThere {
		t.Errorf("%+v", types)
	}
}

func TestWaitingForEvents(t *testing.T) {
	audio := openContext(t)
	check(t, audio.Interrupt())
	_, err := audio.NextEvent(t.Context())
	expect(t, err, ErrInterrupted)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = audio.NextEvent(ctx)
	expect(t, err, context.DeadlineExceeded)

	stream := openStream(t, audio, StreamConfig{Device: counter + "&unplug=1s"})
	check(t, stream.Start())
	outcome := make(chan error, 1)
	go func() {
		for event, err := range audio.Events(t.Context()) {
			if err != nil || event.Type == EventStreamLost {
				outcome <- err
				return
			}
		}
	}()
	if !settles(audio.sleeper.isTaken.Load) {
		t.Fatal("nobody waits")
	}
	advance(t, stream, 480_000)
	check(t, <-outcome)
	go func() {
		for {
			if _, err := audio.NextEvent(context.Background()); err != nil {
				outcome <- err
				return
			}
		}
	}()
	if !settles(audio.sleeper.isTaken.Load) {
		t.Fatal("nobody waits")
	}
	checkStream(t, stream)
	check(t, audio.Close())
	expect(t, <-outcome, ErrClosed)
}

// ---- small things ----

func TestWaitHandles(t *testing.T) {
	stream := openRunning(t, StreamConfig{})
	reader := openReader(t, stream, ReaderConfig{})
	first := must(reader.WaitHandle())
	if first != must(reader.WaitHandle()) || first == must(stream.Context().WaitHandle()) {
		t.Error("a handle is not that of its object")
	}
}

func TestStrings(t *testing.T) {
	for expected, value := range map[string]interface{ String() string }{
		"s24": FormatS24, "format 9": Format(9), "gap, silent": BufferGap | BufferSilent, "recovered, 0x20": BufferRecovered | 32,
		"default, stale": DeviceDefault | DeviceStale, "wait": OnLostWait, "drop newest": OverflowDropNewest, "lost": StateLost,
		"frames lost": EventFramesLost, "event 99": EventType(99), "warning": LevelWarning, "planar": StreamPlanar,
		"lock memory": PoolLockMemory, "event 0": EventType(0), "": StreamFlags(0),
	} {
		if value.String() != expected {
			t.Errorf("%q, not %q", value, expected)
		}
	}
	for _, format := range formats {
		if must(ParseFormat(format.String())) != format {
			t.Error(format)
		}
	}
	for _, text := range []string{"", "none", "S16", "s20"} {
		_, err := ParseFormat(text)
		expect(t, err, ErrInvalidArgument)
	}
}
