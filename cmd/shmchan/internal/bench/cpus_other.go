//go:build !linux

package bench

import (
	"errors"
)

func allowedCPUs() ([]int, error) { return nil, errors.ErrUnsupported }
