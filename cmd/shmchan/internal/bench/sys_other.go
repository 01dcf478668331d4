//go:build !linux

package bench

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

func mapFile(*os.File, int) ([]byte, error)      { return nil, errors.ErrUnsupported }
func roomyPipe(*os.File)                         {}
func processorTime() time.Duration               { return 0 }
func processorTimeOf(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
func makeFIFO(string) error                      { return errors.ErrUnsupported }
func unmapFile([]byte) error                     { return errors.ErrUnsupported }
func allowedCPUs() ([]int, error)                { return nil, errors.ErrUnsupported }
func pin(int) error                              { return errors.ErrUnsupported }

func futexWait(*atomic.Uint32, uint32, time.Duration) {}
func futexWake(*atomic.Uint32)                        {}

func openMq(*actor, step) (wire, error) { return nil, errors.ErrUnsupported }
func mqForget(string)                   {}
