//go:build !linux

package reference

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

func mapFile(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }
func unmapFile([]byte) error                { return errors.ErrUnsupported }

func futexWait(*atomic.Uint32, uint32, time.Duration) {}
func futexWake(*atomic.Uint32)                        {}
