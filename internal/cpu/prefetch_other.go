//go:build !amd64 && !arm64

package cpu

import "sync/atomic"

// FetchForWriting does nothing on this platform.
func FetchForWriting(*atomic.Uint64, uintptr) {}
