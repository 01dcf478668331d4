//go:build !linux

package process

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// Self returns the identity of this process: only its pid is known here.
func Self() Identity { return Identity{PID: os.Getpid()} }

// BootID returns zeroes: it is unknown here.
func BootID() (id [16]byte) { return id }

// Monotonic returns the wall clock in nanoseconds.
func Monotonic() int64 { return time.Now().UnixNano() }

// Gone returns false: nothing can be proven here.
func Gone(Identity) bool { return false }

// A Watch is not supported here.
type Watch struct{}

// Await is not supported here.
func Await(Identity, func()) (*Watch, error) { return nil, errors.ErrUnsupported }

// Cancel does nothing.
func (w *Watch) Cancel() {}

// StartPoller does nothing.
func StartPoller() error { return nil }

// Processors returns how many processors this process may use.
func Processors() int { return runtime.NumCPU() }

// Yield does nothing here.
func Yield() {}

// ClockOffset returns 0: it is unknown here.
func ClockOffset() int64 { return 0 }
