// SPDX-License-Identifier: MIT

// Package acap captures audio and hands it on without copying and without ever hiding what was lost. It binds the C
// library of the same name, which pkg-config finds.
//
// A [Stream] is one opened device, a [Reader] one of its consumers, a [Buffer] a run of consecutive frames that a Reader
// borrows. A [Context] is where streams are opened; a [Pool] owns the buffers.
//
//	audio, err := acap.NewContext(acap.ContextConfig{})
//	stream, err := audio.OpenStream(acap.StreamConfig{}) // the default input
//	reader, err := stream.OpenReader(acap.ReaderConfig{})
//	err = stream.Start()
//	for buffer, err := range reader.Each(ctx) {
//		samples, err := buffer.Float32s()
//		...
//	}
//
// # Buffers
//
// A buffer is yours until you release it, on any goroutine, also when the stream is gone. A second Release is
// [ErrReleased]. Forgotten buffers come back when the garbage collector finds them; meanwhile [PoolStats] tells that they
// are out. Slices of a buffer's memory do not keep it: see [Buffer].
//
// What is forgotten is bounded. The collector does not know how large buffers are, so the package counts those that are
// not released in the process. Beyond 512, or twice what the last collection left, it runs [runtime.GC] in the
// background, one at a time and also if [runtime/debug.SetGCPercent] switched the collector off. Who borrows waits for
// it only after having taken 512 more meanwhile. Programs that release, and never have more than 512 out, cause no
// collection; what is kept on purpose causes one each time that it doubles.
//
// # Goroutines
//
// Every method may be called by any goroutine at any time, Close included: whoever comes too late gets [ErrClosed], and
// Close waits for nobody. One goroutine at a time may wait in a Reader. Objects are closed in any order, and forgotten
// ones by the garbage collector.
//
// # Loss
//
// In every snapshot of [ReaderStats] StartPosition + FramesDelivered + FramesLost + FramesQueued == EndPosition. In the
// data [Buffer.Position] jumps where frames were lost.
//
// # Errors
//
// Every error is an [*Error] with the library's number and words, or that of a context.Context; errors.Is compares it with
// [ErrNoDevice] and the like.
package acap
