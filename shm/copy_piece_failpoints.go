//go:build failpoints

package shm

// copyPiece is small enough that tests can interrupt the copying of a short message.
const copyPiece = 16
