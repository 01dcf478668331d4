//go:build amd64 || arm64

package cpu

import "sync/atomic"

// FetchForWriting asks for the cache lines of the n bytes from p on, of which some will
// soon be stored to by this processor, and does not wait for them. The bytes need not
// be there.
//
//go:noescape
func FetchForWriting(p *atomic.Uint64, n uintptr)
