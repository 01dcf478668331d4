//go:build !linux

package filesystem

import "errors"

// UsageOf is not supported here.
func UsageOf(string) (Usage, error) { return Usage{}, errors.ErrUnsupported }
