//go:build !linux

package proctest

// DefaultSignals does nothing here.
func DefaultSignals() error { return nil }
