//go:build !linux || !(amd64 || arm64)

package busguard

// Supported reports whether ranges are guarded on this platform.
const Supported = false

// Add guards nothing here.
func Add([]byte) Guard { return Guard{} }

// None returns a guard of no memory, which is never broken.
func None() Guard { return Guard{} }

// Remove does nothing.
func (g Guard) Remove() {}

// Broken returns false.
func (g Guard) Broken() bool { return false }
