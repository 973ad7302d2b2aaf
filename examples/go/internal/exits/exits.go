// SPDX-License-Identifier: MIT

// Package exits has programs that end in the middle of everything, for the tests of how programs end.
package exits

// #include <stdlib.h>
//
// /* Nobody knows of it afterwards, neither C nor Go; but for the last piece, of which the stack may still know. */
// static void lose_memory(void)
// {
//     for (int i = 0; i < 10; i++) {
//         void *volatile lost = malloc(1234);
//
//         (void)lost;
//     }
// }
import "C"

import (
	"context"
	"runtime"
	"time"

	"acap"
)

// Programs ends in the middle of everything, by the name of what is going on.
var Programs = map[string]func(){
	"nothing is used":           func() {},
	"buffers are held":          holdBuffers,
	"buffers are forgotten":     forgetBuffers,
	"goroutines wait":           leaveWaiting,
	"goroutines consume":        leaveConsuming,
	"a panic in a loop":         panicInLoop,
	LosesMemory:                 loseMemory,
	"everything is closed":      closeAll,
	"the middle of an Each":     leaveLoop,
	"a wait that was cancelled": cancelWait,
	"errors":                    makeErrors,
}

// LosesMemory is the program that loses memory on purpose, so that it is known that a checker of leaks checks.
const LosesMemory = "memory is lost"

var held []any

func open(device string) (*acap.Stream, *acap.Reader) {
	audio := must(acap.NewContext(acap.ContextConfig{Backend: "sim"}))
	stream := must(audio.OpenStream(acap.StreamConfig{Device: device}))
	reader := must(stream.OpenReader(acap.ReaderConfig{QueueBuffers: 100}))
	check(stream.Start())
	return stream, reader
}

func openManual() (*acap.Stream, *acap.Reader) {
	stream, reader := open("sim:counter?pace=manual&period=480")
	check(stream.SimAdvance(4800))
	return stream, reader
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func holdBuffers() {
	stream, reader := openManual()
	for range 4 {
		held = append(held, must(reader.TryBorrow()))
	}
	held = append(held, must(held[0].(*acap.Buffer).Retain()), must(stream.Pool()), must(held[1].(*acap.Buffer).Float32s()))
}

func forgetBuffers() {
	_, reader := openManual()
	for range 4 {
		_ = must(reader.TryBorrow())
	}
	runtime.GC()
}

func leaveWaiting() {
	stream, reader := open("sim:counter?pace=manual")
	ctx, cancel := context.WithCancel(context.Background())
	begun := make(chan struct{}, 2)
	go func() { begun <- struct{}{}; _, _ = reader.Borrow(ctx) }()
	go func() { begun <- struct{}{}; _, _ = stream.Context().NextEvent(ctx) }()
	<-begun
	<-begun
	held = append(held, cancel)
}

func leaveConsuming() {
	_, reader := open("sim:counter")
	enough := make(chan struct{})
	go func() {
		count := 0
		for buffer := range reader.All(context.Background()) {
			held = append(held, buffer)
			if count++; count == 3 {
				close(enough)
			}
		}
	}()
	<-enough
}

func panicInLoop() {
	stream, reader := openManual()
	func() {
		defer func() { _ = recover() }()
		for range reader.Each(context.Background()) {
			panic("in the middle of the loop")
		}
	}()
	if stats := must(must(stream.Pool()).Stats()); stats.InUse != 9 {
		panic("a buffer was left behind")
	}
}

func loseMemory() { C.lose_memory() }

func closeAll() {
	stream, reader := openManual()
	check(reader.Close())
	check(stream.Close())
	check(stream.Context().Close())
}

func leaveLoop() {
	_, reader := open("sim:counter")
	for buffer, err := range reader.Each(context.Background()) {
		check(err)
		held = append(held, must(buffer.Retain()))
		return
	}
}

func cancelWait() {
	_, reader := open("sim:counter?pace=manual")
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, _ = reader.Borrow(ctx)
}

// makeErrors makes errors of which each has a text, and configurations that have texts, all of them copied for C or by C.
func makeErrors() {
	audio := must(acap.NewContext(acap.ContextConfig{Backend: "sim"}))
	for range 100 {
		_, err := audio.OpenStream(acap.StreamConfig{Device: "sim:trumpet"})
		held = append(held, err)
		stream := must(audio.OpenStream(acap.StreamConfig{Device: "sim:counter?pace=manual"}))
		reader := must(stream.OpenReader(acap.ReaderConfig{Name: "a reader with a name"}))
		check(reader.Close())
		check(stream.Close())
	}
}
