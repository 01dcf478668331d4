//go:build !linux

package process

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// Self returns what is known of this process.
func Self() Identity { return Identity{PID: os.Getpid()} }

// BootID is unknown here.
func BootID() (id [16]byte) { return id }

// Monotonic returns a clock.
func Monotonic() int64 { return time.Now().UnixNano() }

// Gone proves nothing here.
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

// ClockOffset is unknown here.
func ClockOffset() int64 { return 0 }
