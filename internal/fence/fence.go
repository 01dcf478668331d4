// Package fence provides the asymmetric fence of a sleep handshake: a full fence whose
// cost the endpoint that is about to sleep pays for both sides.
//
// In the handshake, the publisher stores its data and then checks whether the other
// side sleeps, while the sleeper announces its sleep and then checks for data. Both
// need a full fence between their two steps.
// membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) makes every running thread of every
// registered process execute one, so only the sleeper pays. A publisher whose process
// is not registered must execute a fence at every publication.
//
// A process has two independent abilities. If it is registered (Register), other
// processes can make it fence, and its publications need no fence of their own. If it
// reaches others (Reaches), registered publishers need no fence of their own for its
// sake; the system call does not require its caller to be registered. A process that
// declines to register keeps the second ability. Each handshake between a publisher P
// and a sleeper S is then one of
//
//	P registered,  S reaches     S's membarrier executes the fence in P
//	P registered,  S does not    S sets a flag that asks P to fence
//	P declined,    S either      P fences at each publication
//
// and each has a full fence on both sides.
package fence

import "sync/atomic"

var declined atomic.Bool

// Decline keeps this process from registering: Register returns false from then on.
// In a process with several threads, registering waits for a grace period of the
// kernel, which takes longer than everything else that a short-lived process does.
// Decline has no effect after Register was called.
func Decline() { declined.Store(true) }

// Reaches reports whether Everywhere works in this process. It does wherever Register
// succeeds.
func Reaches() bool { return Register() || declined.Load() && Everywhere() }
