//go:build amd64 || arm64

package cpu

// Pause makes this processor do nothing n times over, which leaves the memory and
// a sibling thread alone.
func Pause(n uint32)
