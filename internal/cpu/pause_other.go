//go:build !amd64 && !arm64

package cpu

// Pause calls an empty function n times.
func Pause(n uint32) {
	for range n {
		nothing()
	}
}

//go:noinline
func nothing() {}
