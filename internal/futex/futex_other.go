//go:build !linux

package futex

import (
	"errors"
	"sync/atomic"
	"time"
)

const maxVector = 128

func wait(*atomic.Uint32, uint32, time.Duration) error { return errors.ErrUnsupported }
func wake(*atomic.Uint32, int) int                     { return 0 }
func waitAny([]Word, int64) (int, error) {
	return -1, errors.ErrUnsupported
}
func monotonic() int64 { return time.Now().UnixNano() }
