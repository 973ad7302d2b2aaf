// SPDX-License-Identifier: MIT

package acap

// #cgo pkg-config: acap
// #include <acap/acap.h>
// #include <stdlib.h>
import "C"

import (
	"strings"
	"time"
	"unsafe"
)

// HeaderVersion is the version of acap.h that this package was compiled with: major << 16 | minor << 8 | patch.
const HeaderVersion = C.ACAP_VERSION

// WaitForever is a timeout that never comes.
const WaitForever time.Duration = C.ACAP_WAIT_FOREVER

// Version is that of the library that runs: major << 16 | minor << 8 | patch.
func Version() uint32 {
	return uint32(C.acap_version())
}

// VersionString is the library's version, such as "0.1.0".
func VersionString() string {
	return C.GoString(C.acap_version_string())
}

// ClockNS is the clock of every TimeNS, in nanoseconds since an arbitrary moment; it never runs backwards.
func ClockNS() int64 {
	return int64(C.acap_clock_ns())
}

// newCString copies a text for C, to be freed; NULL of an empty one.
func newCString(text string) (*C.char, error) {
	if text == "" {
		return nil, nil
	}
	if strings.IndexByte(text, 0) >= 0 {
		return nil, invalid("a text has a zero byte in it")
	}
	return C.CString(text), nil
}

func freeCString(text *C.char) {
	C.free(unsafe.Pointer(text))
}
