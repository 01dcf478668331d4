// Package bench measures channels between real processes on this machine, and
// beside each figure what bounds it.
//
// A measurement is a [Case]. One run of it starts a receiving process and one or
// more sending ones, which are this same executable in a role (see [Role]), steps
// them through stdin and stdout, and ends them. Before and after it, between the
// same two processes, it takes three references:
//
//	line   a cache line's way from one process to the other, both spinning
//	ring   a minimal ring of 64-byte records for one sender, as one writes it in C
//	futex  a word and its futex, both ends asleep
//
// A machine, a virtual one above all, drifts, and all figures drift with it:
// ratios to the references stay. Runs are taken in rounds, every case once a
// round, so that a slow moment does not fall on one case alone.
package bench
