// Command shmchan sends and receives messages through a channel in shared
// memory: for people at a shell, and for scripts.
//
//	shmchan recv jobs > lines     # makes the channel, ends when the senders have gone
//	shmchan send jobs < lines     # from as many other processes as you like
//
// stdout carries data only; diagnostics go to stderr. The exit status says what
// happened: see [status].
package main

import (
	"context"
	"os"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/terminate"
)

func main() {
	if terminate.First() {
		asInit()
	}
	terminate.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
