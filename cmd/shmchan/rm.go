package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

func newRm(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove a channel that is not in use",
		Long: `Remove a channel and its messages. rm refuses if an endpoint is alive; with
--force, the endpoints are disconnected.`,
		Example: `  shmchan rm jobs
  shmchan rm --force jobs`,
		Args: oneName,
		RunE: a.named(func(_ context.Context, name string, _ []string) error {
			remove := ipc.Remove
			if force {
				remove = ipc.ForceRemove
			}
			s, serr := ipc.Inspect(name, a.options())
			n, nerr := ipc.Unread(name, a.options())
			err := remove(name, a.options())
			switch {
			case err == nil && serr == nil && nerr == nil && n > 0:
				a.say("removed with %s unread", text.Plural(n, "message"))
			case err == nil && serr == nil && nerr == nil:
				a.detail("removed %s, with no message unread", text.Printable(s.Path))
			case err == nil && nerr != nil:
				a.say("removed; cannot count its unread messages: %s", text.OneLine(nerr))
			case errors.Is(err, fs.ErrNotExist):
				return a.missing(err, name)
			case errors.Is(err, ipc.ErrBusy):
				return because(err, "in use by %s; --force removes it anyway", a.users(name))
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "remove the channel even if it is in use")
	return cmd
}
