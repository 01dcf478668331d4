package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

func newCreate(a *app) *cobra.Command {
	var making createFlags
	var ifMissing bool
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a channel without attaching to it",
		Long: `Create a channel without attaching to it. It keeps the messages of its senders for
the first receiver. When a receiver leaves, the channel is removed, unless it is
--durable.`,
		Example: `  shmchan create --durable --capacity 64M jobs
  shmchan create --if-missing --mode 0660 /srv/shared/jobs`,
		Args: oneName,
		RunE: a.named(func(_ context.Context, name string, _ []string) error {
			o := a.options()
			making.apply(o)
			err := ipc.Create(name, o)
			switch {
			case errors.Is(err, fs.ErrExist) && ifMissing:
				a.detail("the channel already exists")
				return nil
			case errors.Is(err, fs.ErrExist):
				return because(err, "the channel already exists; --if-missing accepts that")
			case err != nil:
				return err
			}
			if s, err := ipc.Inspect(name, o); err == nil {
				a.detail("created %s: %s, %s", text.Printable(s.Path), text.Size(uint64(s.Capacity)), text.Plural(s.MaxSenders, "sender slot"))
			}
			return nil
		}),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	making.register(flags)
	flags.BoolVar(&ifMissing, "if-missing", false, "if the channel exists, leave it as it is and succeed")
	return cmd
}
