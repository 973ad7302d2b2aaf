// SPDX-License-Identifier: MIT

package acap

// #include "glue.h"
import "C"

import (
	"fmt"
	"math"
	"time"
	"unsafe"
)

// StreamConfig is how a device is opened; the zero value is the default input.
type StreamConfig struct {
	// Device is an id, a unique part of a name, "sim:...", "push:", or empty: the environment's ACAP_DEVICE, else the
	// default input.
	Device string
	// SampleRateHz 0: 48000 when the device can, else its own default.
	SampleRateHz uint32
	// ChannelCount 0: at most 2.
	ChannelCount uint32
	// Format 0: F32.
	Format Format
	// FramesPerBuffer 0: 10 ms. A buffer has exactly so many, fewer only where its flags say BufferPartial.
	FramesPerBuffer uint32
	// Flags may be StreamPlanar and StreamLockMemory.
	Flags StreamFlags
	// PoolBuffersMin 0: what history and the readers opened so far need.
	PoolBuffersMin uint32
	// PoolBuffersMax 0: no limit but memory.
	PoolBuffersMax uint32
	// Latency is asked of the device; 0: what is safe for a recorder.
	Latency time.Duration
	// Pool is shared with other streams; nil: the stream's own.
	Pool *Pool
	// OnDeviceLost is what happens when the device goes away.
	OnDeviceLost OnDeviceLost
	// History is how much of the past stays borrowable for new readers.
	History time.Duration
}

// record makes the C struct; the pool is left to the caller.
func (config *StreamConfig) record(device *C.char) C.acap_stream_config {
	return C.acap_stream_config{
		struct_size:       C.sizeof_acap_stream_config,
		flags:             C.uint32_t(config.Flags),
		device:            device,
		sample_rate_hz:    C.uint32_t(config.SampleRateHz),
		channel_count:     C.uint32_t(config.ChannelCount),
		format:            C.uint32_t(config.Format),
		frames_per_buffer: C.uint32_t(config.FramesPerBuffer),
		pool_buffers_min:  C.uint32_t(config.PoolBuffersMin),
		pool_buffers_max:  C.uint32_t(config.PoolBuffersMax),
		latency_ns:        C.int64_t(config.Latency),
		on_device_lost:    C.uint32_t(config.OnDeviceLost),
		history_ns:        C.int64_t(config.History),
	}
}

// StreamInfo is what was really opened.
type StreamInfo struct {
	// SampleRateHz is nominal.
	SampleRateHz uint32
	// ChannelCount is the number of samples in a frame.
	ChannelCount uint32
	// Format is what a sample is.
	Format Format
	// FramesPerBuffer is the number of frames in each buffer.
	FramesPerBuffer uint32
	// Flags are those of the configuration.
	Flags StreamFlags
	// Latency is by the host's word; 0: unknown.
	Latency time.Duration
	// StreamID is unique in the process, from 1.
	StreamID uint64
	// DeviceID opens the same device again.
	DeviceID string
	// Backend is "portaudio", "sim" or "push".
	Backend string
}

// StreamStats is a stream's figures. In every snapshot Position == FramesCaptured + FramesLost and
// FramesLost == LostPool + LostHost.
type StreamStats struct {
	// State is what the stream is doing.
	State StreamState
	// Realtime says whether the audio thread runs in a real-time class.
	Realtime bool
	// Position is the number of frames captured or lost since the first start.
	Position uint64
	// FramesCaptured is the number of frames in published buffers.
	FramesCaptured uint64
	// FramesLost is LostPool + LostHost.
	FramesLost uint64
	// LostPool is what was lost because no buffer was free.
	LostPool uint64
	// LostHost was never handed over by the host.
	LostHost uint64
	// FramesPending is what is in the buffer that is being filled.
	FramesPending uint64
	// Callbacks is the number of calls by the host.
	Callbacks uint64
	// HostOverflows is how many times the host said that it lost some.
	HostOverflows uint64
	// BuffersFilled is the number of published buffers.
	BuffersFilled uint64
	// Recoveries is how many times the device came back.
	Recoveries uint64
	// CallbackMax is the longest callback.
	CallbackMax time.Duration
	// CallbackTotal is the time spent in callbacks.
	CallbackTotal time.Duration
	// MeasuredRateHz is the device's real rate; 0 until known.
	MeasuredRateHz float64
}

// A Stream is one opened device. Context.OpenStream makes streams.
type Stream struct {
	object
	context    *Context
	frameBytes int
}

func destroyStream(pointer unsafe.Pointer) {
	C.acap_stream_close((*C.acap_stream)(pointer))
}

func newStream(c *Context, pointer unsafe.Pointer) (*Stream, error) {
	s := &Stream{object: object{pointer: pointer, destroy: destroyStream}, context: c}
	watch(s, &s.object)
	info, err := s.Info()
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	s.frameBytes = info.Format.Bytes() * int(info.ChannelCount)
	return s, nil
}

func (s *Stream) handle() *C.acap_stream {
	return (*C.acap_stream)(s.pointer)
}

// Context is where the stream was opened; it lives at least as long as the stream.
func (s *Stream) Context() *Context {
	return s.context
}

// Close closes the stream and ends its readers: they drain, then there is ErrEnd. Buffers stay valid. Never waits for
// the sound system; if another goroutine is inside a method, that one closes the stream when it leaves.
func (s *Stream) Close() error {
	return s.shut()
}

// Start starts capturing. After a stop positions go on and the same readers continue.
func (s *Stream) Start() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return settle(C.go_stream_start(s.handle()))
}

// Stop stops capturing. What was captured can still be borrowed; then there is ErrEnd.
func (s *Stream) Stop() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return settle(C.go_stream_stop(s.handle()))
}

// Info is what was really opened.
func (s *Stream) Info() (StreamInfo, error) {
	if err := s.enter(); err != nil {
		return StreamInfo{}, err
	}
	defer s.leave()
	info := C.acap_stream_info{struct_size: C.sizeof_acap_stream_info}
	if err := settle(C.go_stream_get_info(s.handle(), &info)); err != nil {
		return StreamInfo{}, err
	}
	return StreamInfo{
		SampleRateHz:    uint32(info.sample_rate_hz),
		ChannelCount:    uint32(info.channel_count),
		Format:          Format(info.format),
		FramesPerBuffer: uint32(info.frames_per_buffer),
		Flags:           StreamFlags(info.flags),
		Latency:         time.Duration(info.latency_ns),
		StreamID:        uint64(info.stream_id),
		DeviceID:        C.GoString(&info.device_id[0]),
		Backend:         C.GoString(&info.backend[0]),
	}, nil
}

// Stats is the stream's figures now.
func (s *Stream) Stats() (StreamStats, error) {
	if err := s.enter(); err != nil {
		return StreamStats{}, err
	}
	defer s.leave()
	stats := C.acap_stream_stats{struct_size: C.sizeof_acap_stream_stats}
	if err := settle(C.go_stream_get_stats(s.handle(), &stats)); err != nil {
		return StreamStats{}, err
	}
	return StreamStats{
		State:          StreamState(stats.state),
		Realtime:       stats.realtime != 0,
		Position:       uint64(stats.position),
		FramesCaptured: uint64(stats.frames_captured),
		FramesLost:     uint64(stats.frames_lost),
		LostPool:       uint64(stats.lost_pool),
		LostHost:       uint64(stats.lost_host),
		FramesPending:  uint64(stats.frames_pending),
		Callbacks:      uint64(stats.callbacks),
		HostOverflows:  uint64(stats.host_overflows),
		BuffersFilled:  uint64(stats.buffers_filled),
		Recoveries:     uint64(stats.recoveries),
		CallbackMax:    time.Duration(stats.callback_ns_max),
		CallbackTotal:  time.Duration(stats.callback_ns_total),
		MeasuredRateHz: float64(stats.measured_rate_hz),
	}, nil
}

// Pool is the pool that the stream fills, to be closed on its own.
func (s *Stream) Pool() (*Pool, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	return newPool(unsafe.Pointer(C.acap_stream_get_pool(s.handle()))), nil
}

// Push feeds a "push:" stream: the caller is the device. Interleaved frames in the stream's format; SampleBytes makes
// bytes of samples without a copy. timeNS is when the first frame was captured, by ClockNS; 0: now. Never waits.
func (s *Stream) Push(frames []byte, timeNS int64) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	count := len(frames) / s.frameBytes
	if count*s.frameBytes != len(frames) {
		return invalid(fmt.Sprintf("%d bytes are no whole frames of %d bytes", len(frames), s.frameBytes))
	}
	if uint64(count) > math.MaxUint32 {
		return invalid(fmt.Sprintf("%d frames are too many for one push", count))
	}
	if count == 0 {
		return nil
	}
	return settle(C.go_stream_push(s.handle(), unsafe.Pointer(&frames[0]), C.uint32_t(count), C.int64_t(timeNS)))
}

// PushLost tells a "push:" stream that frames were lost.
func (s *Stream) PushLost(frameCount uint32, timeNS int64) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return settle(C.go_stream_push(s.handle(), nil, C.uint32_t(frameCount), C.int64_t(timeNS)))
}

// SimAdvance lets a "sim:" stream with pace=manual capture, in virtual time.
func (s *Stream) SimAdvance(frameCount uint64) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return settle(C.go_stream_sim_advance(s.handle(), C.uint64_t(frameCount)))
}
