//go:build !linux

package peer

import (
	"errors"
	"os"
	"sync/atomic"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

func MakeFIFO(string) error { return errors.ErrUnsupported }
func roomyPipe(*os.File)    {}

func openMq(string, *atomic.Uint64, worker.Step) (Wire, error) { return nil, errors.ErrUnsupported }
func ForgetQueues(string)                                      {}
