// Package linear holds a test that records histories of concurrent calls in several
// processes, some of which are killed, and checks them for linearizability: whether
// there is one order of all calls, each taking effect at one moment between its begin
// and its return, in which the channel behaves as a queue. The porcupine checker
// searches for that order.
package linear
