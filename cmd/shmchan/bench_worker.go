package main

import (
	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench"
)

// newBenchWorker is the verb with which `shmchan bench` starts the processes that it
// measures. It is not for users.
func newBenchWorker(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    bench.WorkerVerb + " DIR",
		Short:  "Serve as a process of a measurement",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("accepts one DIR, got %d", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return bench.Work(args[0], a.stdin, a.stdout)
		},
	}
}
