//go:build !linux

package futex

import (
	"errors"
	"sync/atomic"
	"time"
)

const maxVector = 128

func wait(*atomic.Uint32, uint32, time.Duration, bool) error { return errors.ErrUnsupported }
func wake(*atomic.Uint32, int) int                           { return 0 }
func waitAny([]Word, int64, bool) (int, error) {
	return -1, errors.ErrUnsupported
}
func monotonic() int64 { return time.Now().UnixNano() }
