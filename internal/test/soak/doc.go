// Package soak holds a test that lets a channel live among deaths: processes that
// send and one that receives are killed, stopped, told to go and started again at
// random, while each writes down, by plain write(2) calls in a file of its own,
// what it is about to do and what came of it. What stands in those files decides
// afterwards what must have been received.
//
//	driver_test.go   starts, stops and kills the processes
//	sender_test.go   what a sending process does, in every way that there is
//	receiver_test.go what the receiving process does
//	ledger_test.go   the files: fixed records, appended
//	content_test.go  messages whose every byte is known
//	judge_test.go    reads the files and finds what was lost, repeated, torn or late
//
// docs/soak.md tells what it checks and how a long run went; `make soak` starts one.
package soak
