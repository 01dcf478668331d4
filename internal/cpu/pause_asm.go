//go:build amd64 || arm64

package cpu

// Pause executes n pause instructions. They access no memory and leave the core's
// resources to a sibling hardware thread.
func Pause(n uint32)
