// SPDX-License-Identifier: MIT

package acap

// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"iter"
	"os"
	"time"
	"unsafe"
)

// A Context is a set of streams with one default back end. (A context.Context is something else: it cancels a wait.)
type Context struct {
	object
	sleeper sleeper
}

// ContextConfig is how a context is made.
type ContextConfig struct {
	// Backend is "portaudio" (default), "sim" or "push": what empty and plain device names mean. The environment's
	// ACAP_BACKEND stands in for an empty one.
	Backend string
}

// DeviceInfo is one capture device.
type DeviceInfo struct {
	// ID opens it; stable across runs and re-plugging where the host allows.
	ID string `json:"id"`
	// Name is for people.
	Name string `json:"name"`
	// HostAPI is "ALSA", "JACK Audio Connection Kit", ...
	HostAPI string `json:"host_api"`
	// MaxChannelCount is at least 1.
	MaxChannelCount uint32 `json:"max_channel_count"`
	// DefaultSampleRateHz is what it runs at when not asked.
	DefaultSampleRateHz uint32 `json:"default_sample_rate_hz"`
	// LowLatency is for interactive use, by the host's word.
	LowLatency time.Duration `json:"low_latency_ns"`
	// HighLatency is for recorders, by the host's word.
	HighLatency time.Duration `json:"high_latency_ns"`
	// Flags tells what is special about it.
	Flags DeviceFlags `json:"-"`
}

// An Event is something that a program may want to know of.
type Event struct {
	// Type is what happened.
	Type EventType
	// Level is how bad it is.
	Level Level
	// StreamID is the StreamInfo.StreamID; 0 where no stream is meant.
	StreamID uint64
	// Position is where a loss was found; of other events the stream's position.
	Position uint64
	// Frames is how many were lost.
	Frames uint64
	// EventsLost were discarded just before this one because nobody took them.
	EventsLost uint64
	// TimeNS is when, by ClockNS.
	TimeNS int64
	// Text is for people.
	Text string
}

func destroyContext(pointer unsafe.Pointer) {
	C.acap_context_destroy((*C.acap_context)(pointer))
}

// NewContext makes a context. Nothing is asked of the host yet.
func NewContext(config ContextConfig) (*Context, error) {
	backend, err := newCString(config.Backend)
	if err != nil {
		return nil, err
	}
	defer freeCString(backend)
	made := C.go_context_create(&C.acap_context_config{struct_size: C.sizeof_acap_context_config, backend: backend})
	if err := settle(made); err != nil {
		return nil, err
	}
	c := &Context{object: object{pointer: made.object, destroy: destroyContext}}
	watch(c, &c.object)
	return c, nil
}

func (c *Context) handle() *C.acap_context {
	return (*C.acap_context)(c.pointer)
}

// Close ends the context's streams, which stay valid, and wakes who waits for events. Never waits for the host.
func (c *Context) Close() error {
	err := c.shut()
	c.sleeper.close()
	return err
}

// ---- devices ----

// Devices lists the capture devices, asked afresh of the host where it can.
func (c *Context) Devices() ([]DeviceInfo, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	made := C.go_device_list_create(c.handle())
	if err := settle(made); err != nil {
		return nil, err
	}
	list := (*C.acap_device_list)(made.object)
	defer C.acap_device_list_destroy(list)
	devices := make([]DeviceInfo, C.acap_device_list_count(list))
	for index := range devices {
		devices[index] = copyDevice(C.acap_device_list_get(list, C.size_t(index)))
	}
	return devices, nil
}

func copyDevice(device *C.acap_device_info) DeviceInfo {
	return DeviceInfo{
		ID:                  C.GoString(device.id),
		Name:                C.GoString(device.name),
		HostAPI:             C.GoString(device.host_api),
		MaxChannelCount:     uint32(device.max_channel_count),
		DefaultSampleRateHz: uint32(device.default_sample_rate_hz),
		LowLatency:          time.Duration(device.low_latency_ns),
		HighLatency:         time.Duration(device.high_latency_ns),
		Flags:               DeviceFlags(device.flags),
	}
}

// CheckSupported returns what OpenStream would return, in so far as it can be known without opening.
func (c *Context) CheckSupported(config StreamConfig) error {
	return c.withConfig(config, func(record *C.acap_stream_config) C.go_outcome {
		return C.go_device_supports(c.handle(), record)
	})
}

// OpenStream opens a device. It captures nothing before Start.
func (c *Context) OpenStream(config StreamConfig) (*Stream, error) {
	var made unsafe.Pointer
	err := c.withConfig(config, func(record *C.acap_stream_config) C.go_outcome {
		outcome := C.go_stream_open(c.handle(), record)
		made = outcome.object
		return outcome
	})
	if err != nil {
		return nil, err
	}
	return newStream(c, made)
}

// withConfig makes a call that takes a stream's configuration, of which nothing goes before it returns.
func (c *Context) withConfig(config StreamConfig, call func(*C.acap_stream_config) C.go_outcome) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	device, err := newCString(config.Device)
	if err != nil {
		return err
	}
	defer freeCString(device)
	record := config.record(device)
	if config.Pool != nil {
		if err := config.Pool.enter(); err != nil {
			return err
		}
		defer config.Pool.leave()
		record.pool = config.Pool.handle()
	}
	return settle(call(&record))
}

// ---- events ----

// TryNextEvent takes the oldest event; ErrTimedOut if there is none. At most 256 wait.
func (c *Context) TryNextEvent() (Event, error) {
	if err := c.enter(); err != nil {
		return Event{}, err
	}
	defer c.leave()
	return c.nextEvent()
}

func (c *Context) nextEvent() (Event, error) {
	event := C.acap_event{struct_size: C.sizeof_acap_event}
	if err := settle(C.go_context_next_event(c.handle(), &event)); err != nil {
		return Event{}, err
	}
	return Event{
		Type:       EventType(event._type),
		Level:      Level(event.level),
		StreamID:   uint64(event.stream_id),
		Position:   uint64(event.position),
		Frames:     uint64(event.frames),
		EventsLost: uint64(event.events_lost),
		TimeNS:     int64(event.time_ns),
		Text:       C.GoString(&event.text[0]),
	}, nil
}

// NextEvent waits for the next event; ErrInterrupted, or the error of ctx when that is done first.
func (c *Context) NextEvent(ctx context.Context) (event Event, err error) {
	if err := ctx.Err(); err != nil {
		return Event{}, err
	}
	if err := c.enter(); err != nil {
		return Event{}, err
	}
	defer c.leave()
	if event, err = c.nextEvent(); !errors.Is(err, ErrTimedOut) {
		return event, err
	}
	asleep := c.sleeper.sleep(ctx, time.Time{}, c.waitHandle, func() bool {
		event, err = c.nextEvent()
		return !errors.Is(err, ErrTimedOut)
	})
	if errors.Is(asleep, os.ErrDeadlineExceeded) {
		return Event{}, ctx.Err()
	}
	if asleep != nil {
		return Event{}, asleep
	}
	return event, err
}

// Events iterates over the events to come. It ends after its first error, which is that of ctx, ErrInterrupted or
// ErrClosed.
func (c *Context) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := c.NextEvent(ctx)
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Interrupt makes the current or the next NextEvent return ErrInterrupted, once.
func (c *Context) Interrupt() error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	return settle(C.go_context_interrupt(c.handle()))
}

// WaitHandle is a file descriptor for other event loops, readable as long as an event waits. Never read, write or close
// it; it is valid until Close.
func (c *Context) WaitHandle() (uintptr, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.leave()
	return c.waitHandle()
}

func (c *Context) waitHandle() (uintptr, error) {
	outcome := C.go_context_get_wait_handle(c.handle())
	return uintptr(outcome.object), settle(outcome)
}
