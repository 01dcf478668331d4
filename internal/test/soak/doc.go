// Package soak tests a channel whose processes die. Senders and a receiver are
// killed, stopped, told to exit and started again at random. Each records in a
// ledger, a file of its own, by plain write(2) calls, what it is about to do and the
// outcome. Afterwards the ledgers decide which messages must have been received.
//
//	driver_test.go   starts, stops and kills the processes
//	sender_test.go   a sending process, which uses every call
//	receiver_test.go a receiving process
//	ledger_test.go   the ledgers: fixed records, appended
//	content_test.go  messages whose every byte is known
//	judge_test.go    reads the ledgers and finds lost, repeated, torn or late messages
//
// docs/soak.md describes what is checked and how long runs went; `make soak` runs it.
package soak
