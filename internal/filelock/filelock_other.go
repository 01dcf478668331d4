//go:build !linux

package filelock

import "errors"

// TryLock is not supported here.
func TryLock(fd int, start, n int64) (bool, error) { return false, errors.ErrUnsupported }

// Unlock is not supported here.
func Unlock(fd int, start, n int64) error { return errors.ErrUnsupported }

// Held is not supported here.
func Held(fd int, start, n int64) (held bool, at int64, err error) {
	return false, 0, errors.ErrUnsupported
}
