//go:build !linux

package measure

import (
	"errors"
	"time"
)

func ProcessorTime() time.Duration               { return 0 }
func processorTimeOf(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
