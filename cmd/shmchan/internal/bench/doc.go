// Package bench measures channels between real processes on this machine, and
// beside each figure what bounds it.
//
// A measurement is a [Case]. A run of it starts one receiving process and one or more
// sending processes (see package worker), has them open and run their parts of the
// case, and ends them. Before and after it, the receiver and the first sender take
// three references (package reference):
//
//	line   a cache line's way from one process to the other, both spinning
//	ring   a minimal ring of 64-byte records for one sender, as one writes it in C
//	futex  a word and its futex, both processes asleep
//
// The speed of a machine drifts, above all that of a virtual one, and all figures
// drift with it; ratios to the references do not. Runs are taken in rounds, every
// case once a round, so that a slow moment does not fall on one case alone.
//
// This package holds the cases, what the processes of channels do in them, and the
// runner. Package peer holds what else could carry the messages, package measure what
// all of them are measured with, and package report what is said of the results.
package bench
