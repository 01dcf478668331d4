//go:build !linux

package machine

import "errors"

// Features reports that no feature is available.
func Features() []Feature {
	return []Feature{{Name: "Linux", Required: true, Err: errors.ErrUnsupported}}
}
