// Package nowait reads what a file has available, without waiting. A read that may block
// needs its own goroutine if other events are to interrupt the wait, and handing each buffer
// to another goroutine costs as much as reading it. With this package, a program reads
// directly while data is available, and uses the goroutine only to wait.
package nowait
