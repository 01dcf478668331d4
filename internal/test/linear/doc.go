// Package linear holds a test that checks histories of concurrent calls from
// several processes, deaths included, for linearizability: whether there is one
// order of all calls, each taking effect at one moment between its begin and its
// return, in which the channel is a queue. A published checker, porcupine, looks
// for that order.
package linear
