//go:build !linux

package nowait

import "io"

// Reader never reads anything on this system.
type Reader struct{}

// New returns nil.
func New(io.Reader) *Reader { return nil }

// Read returns ok == false.
func (*Reader) Read([]byte) (n int, ok bool, err error) { return 0, false, nil }
