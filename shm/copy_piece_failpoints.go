//go:build failpoints

package shm

// copyPiece is so little that a short message too is caught with a part copied.
const copyPiece = 16
