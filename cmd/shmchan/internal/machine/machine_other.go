//go:build !linux

package machine

import "errors"

// Features reports that nothing is there.
func Features() []Feature {
	return []Feature{{Name: "Linux", Required: true, Err: errors.ErrUnsupported}}
}
