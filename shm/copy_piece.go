//go:build !failpoints

package shm

// copyPiece is how much is copied at a time: Go's memmove writes a mebibyte and
// more past the cache, which halves the speed of the reader.
const copyPiece = 256 << 10
