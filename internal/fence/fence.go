// Package fence moves the cost of a sleep handshake's fence to the end that is
// about to sleep.
//
// A handshake "I publish, then look whether you sleep" against "I say that I
// sleep, then look whether something was published" needs a full fence between
// the two halves on both sides. membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED)
// makes every running thread of every registered process execute one, so only
// the sleeper pays. It serves a pair only if the other process has registered;
// one that could not must fence by itself at every publication.
//
// So a process has two abilities, and they are independent. If it is registered
// (Register), others make it fence, and its publications need no fence of their
// own. If it reaches others (Reaches), they need none for its sake: the system call
// asks nothing of its caller. A process that declines to register keeps the second
// ability. Each handshake between a publisher P and a sleeper S is then one of
//
//	P registered,  S reaches     S's membarrier fences in P
//	P registered,  S does not    S asks P to fence, by a flag
//	P declined,    S either      P fences by itself, at each publication
//
// and each has a full fence on both sides.
package fence

import "sync/atomic"

var declined atomic.Bool

// Decline keeps this process from registering: Register reports false from then on.
// Registering waits for a grace period of the kernel's in a process that has several
// threads, which takes longer than all else that a short-lived process does. It takes
// effect only if Register was not called before.
func Decline() { declined.Store(true) }

// Reaches reports whether Everywhere works from this process: always where Register
// does.
func Reaches() bool { return Register() || declined.Load() && Everywhere() }
