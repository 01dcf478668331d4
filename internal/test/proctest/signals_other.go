//go:build !linux

package proctest

// DefaultSignals does nothing on this system.
func DefaultSignals() error { return nil }
