//go:build amd64 || arm64

package cpu

import "sync/atomic"

// FetchForWriting prefetches the cache lines of the n bytes from p on for writing. It
// does not wait for them, and the bytes need not be mapped.
//
//go:noescape
func FetchForWriting(p *atomic.Uint64, n uintptr)
