//go:build !linux

package fence

// Register returns false: this system has no membarrier.
func Register() bool { return false }

// Everywhere returns false: this system has no membarrier.
func Everywhere() bool { return false }
