//go:build !amd64 || race

package order

import "sync/atomic"

// Store64 stores v with release order.
func Store64(p *atomic.Uint64, v uint64) { p.Store(v) }
