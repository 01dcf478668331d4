//go:build !failpoints

package shm

// copyPiece is how much is copied at a time: for a mebibyte and more, Go's memmove
// writes past the cache, which halves the speed of the reader.
const copyPiece = 256 << 10
