//go:build !linux

package terminate

import (
	"errors"
	"syscall"
)

func raise(syscall.Signal) error { return errors.ErrUnsupported }
