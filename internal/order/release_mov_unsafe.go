//go:build amd64 && !race

package order

import (
	"sync/atomic"
	"unsafe"
)

// Store64 stores v with release order.
func Store64(p *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(p)) = v }
