// Package fence moves the cost of a sleep handshake's fence to the end that is
// about to sleep.
//
// A handshake "I publish, then look whether you sleep" against "I say that I
// sleep, then look whether something was published" needs a full fence between
// the two halves on both sides. membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED)
// makes every running thread of every registered process execute one, so only
// the sleeper pays. It serves a pair only if the other process has registered;
// one that could not must fence by itself at every publication.
package fence
