// SPDX-License-Identifier: MIT

package acap

// #include "glue.h"
// #include <stdlib.h>
import "C"

import (
	"io/fs"
	"os"
	"unsafe"
)

// A Result is a number that a function of the C library returns, and an error of its own: every error of this package
// unwraps to one, so that errors.Is(err, acap.ErrNoDevice) tells what happened.
type Result int32

const (
	// ErrTimedOut: nothing came within the timeout. Nothing went wrong.
	ErrTimedOut Result = C.ACAP_TIMED_OUT
	// ErrEnd: ended, and all that was queued has been borrowed. Nothing went wrong.
	ErrEnd Result = C.ACAP_END
	// ErrInterrupted: somebody called Interrupt. Nothing went wrong.
	ErrInterrupted Result = C.ACAP_INTERRUPTED

	// ErrInvalidArgument: an argument that no device could satisfy.
	ErrInvalidArgument Result = C.ACAP_ERROR_INVALID_ARGUMENT
	// ErrNoMemory: there is no memory.
	ErrNoMemory Result = C.ACAP_ERROR_NO_MEMORY
	// ErrInvalidState: not now: closed, ended, released, or in use by another goroutine.
	ErrInvalidState Result = C.ACAP_ERROR_INVALID_STATE
	// ErrNoDevice: no such device, or none at all.
	ErrNoDevice Result = C.ACAP_ERROR_NO_DEVICE
	// ErrDeviceBusy: another program has the device.
	ErrDeviceBusy Result = C.ACAP_ERROR_DEVICE_BUSY
	// ErrDeviceLost: the device went away.
	ErrDeviceLost Result = C.ACAP_ERROR_DEVICE_LOST
	// ErrUnsupportedFormat: a rate, number of channels or format that the device cannot give.
	ErrUnsupportedFormat Result = C.ACAP_ERROR_UNSUPPORTED_FORMAT
	// ErrPoolExhausted: no buffer is free.
	ErrPoolExhausted Result = C.ACAP_ERROR_POOL_EXHAUSTED
	// ErrLimit: too many readers, buffers or bytes.
	ErrLimit Result = C.ACAP_ERROR_LIMIT
	// ErrBackend: the host failed in another way.
	ErrBackend Result = C.ACAP_ERROR_BACKEND
	// ErrABIMismatch: the library and this package do not fit.
	ErrABIMismatch Result = C.ACAP_ERROR_ABI_MISMATCH
	// ErrForked: this process is a fork of the one that used acap.
	ErrForked Result = C.ACAP_ERROR_FORKED
	// ErrHostStuck: the host did not answer within the deadline.
	ErrHostStuck Result = C.ACAP_ERROR_HOST_STUCK
	// ErrPermission: the system refused access.
	ErrPermission Result = C.ACAP_ERROR_PERMISSION
)

// Name is the result's symbol in C, such as "ACAP_ERROR_NO_DEVICE".
func (r Result) Name() string {
	return C.GoString(C.acap_result_name(C.acap_result(r)))
}

// Text is the result in one English sentence.
func (r Result) Text() string {
	return C.GoString(C.acap_result_text(C.acap_result(r)))
}

// Error makes a Result an error.
func (r Result) Error() string {
	return describe(r.Text(), r)
}

// Is lets the standard library's errors be asked for: ErrTimedOut is an os.ErrDeadlineExceeded, ErrPermission an
// fs.ErrPermission.
func (r Result) Is(target error) bool {
	switch r {
	case ErrTimedOut:
		return target == os.ErrDeadlineExceeded
	case ErrPermission:
		return target == fs.ErrPermission
	}
	return false
}

// Timeout says, as net.Error does, whether nothing but time ran out.
func (r Result) Timeout() bool {
	return r == ErrTimedOut
}

// An Error is what every failing function of this package returns, if not the error of a context.Context.
type Error struct {
	// Result is the number.
	Result Result
	// Text is what happened in words, with the host's own code and text where there is one.
	Text string
}

func (e *Error) Error() string {
	return describe(e.Text, e.Result)
}

// Unwrap gives the Result.
func (e *Error) Unwrap() error {
	return e.Result
}

// Name is the result's symbol in C, such as "ACAP_ERROR_NO_DEVICE".
func (e *Error) Name() string {
	return e.Result.Name()
}

// Timeout says, as net.Error does, whether nothing but time ran out.
func (e *Error) Timeout() bool {
	return e.Result.Timeout()
}

func describe(text string, result Result) string {
	return text + " (" + result.Name() + ")"
}

// closedError is an *Error that also is an fs.ErrClosed.
type closedError struct{ inner Error }

func (e *closedError) Error() string {
	return e.inner.Error()
}

func (e *closedError) Unwrap() []error {
	return []error{&e.inner, fs.ErrClosed}
}

func newClosedError(text string) error {
	return &closedError{Error{ErrInvalidState, text}}
}

var (
	// ErrClosed is what every method of a closed context, stream, reader or pool returns, a second Close included. It
	// is an ErrInvalidState and an fs.ErrClosed, too.
	ErrClosed = newClosedError("this object was closed")
	// ErrReleased is what the methods of a Buffer return that was released, a second Release included. It is an
	// ErrInvalidState and an fs.ErrClosed, too.
	ErrReleased = newClosedError("the buffer was released already")
)

// What is returned for every packet, or nearly, is made once.
var (
	errTimedOut    error = &Error{ErrTimedOut, ErrTimedOut.Text()}
	errEnd         error = &Error{ErrEnd, ErrEnd.Text()}
	errInterrupted error = &Error{ErrInterrupted, ErrInterrupted.Text()}
)

func invalid(text string) error {
	return &Error{ErrInvalidArgument, text}
}

// failure makes an error of a result and the text that came with it, which it frees; nil of success.
func failure(result C.acap_result, text *C.char) error {
	switch Result(result) {
	case C.ACAP_OK:
		return nil
	case ErrTimedOut:
		return errTimedOut
	case ErrEnd:
		return errEnd
	case ErrInterrupted:
		return errInterrupted
	}
	words := ""
	if text != nil {
		words = C.GoString(text)
		C.free(unsafe.Pointer(text))
	}
	if words == "" {
		words = Result(result).Text()
	}
	return &Error{Result(result), words}
}

func settle(outcome C.go_outcome) error {
	return failure(outcome.result, outcome.text)
}
