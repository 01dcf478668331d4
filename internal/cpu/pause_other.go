//go:build !amd64 && !arm64

package cpu

// Pause makes this processor do nothing useful n times over.
func Pause(n uint32) {
	for range n {
		nothing()
	}
}

//go:noinline
func nothing() {}
