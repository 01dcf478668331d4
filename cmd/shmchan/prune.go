package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// prune is `shmchan prune`.
type prune struct {
	*app
	dryRun, everything, asJSON bool
}

func newPrune(a *app) *cobra.Command {
	v := &prune{app: a}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the channels that are not in use",
		Long: `Remove the channels of the directory that have no live endpoint, and print their
names. A durable channel with unread messages is kept, and stderr says so; --all
removes it with its messages. A file that is not a channel, or is damaged, is
always kept.`,
		Example: `  shmchan prune --dry-run
  shmchan prune --all --dry-run --json | jq -r 'select(.unread > 0) | .name'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.verb = cmd.Name()
			return v.run()
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&v.everything, "all", false, "also remove durable channels with unread messages")
	flags.BoolVar(&v.dryRun, "dry-run", false, "print what would be removed, and remove nothing")
	jsonFlag(flags, &v.asJSON)
	return cmd
}

// prunedView is the JSON of a removed channel. The names are a contract.
type prunedView struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Durable bool   `json:"durable"`
	Unread  uint64 `json:"unread"` // messages that were not received
	Removed bool   `json:"removed"`
}

// run removes what it can, and returns the errors of all other channels.
func (v *prune) run() error {
	entries, err := ipc.List(v.options())
	if err != nil {
		return err
	}
	var failed error
	for i := range entries {
		e := &entries[i]
		if e.Err != nil {
			v.detailOf(e.Name, "kept: %s", text.OneLine(e.Err))
			continue
		}
		if end := liveEndpoint(&e.Stats); end != "" {
			v.detailOf(e.Name, "kept: %s is alive", end)
			continue
		}
		var unread *ipc.UnreadError
		var corrupt *ipc.CorruptError
		n, err := ipc.Unread(e.Name, v.options())
		if err == nil || !v.keeps(&e.Stats) && !errors.As(err, &corrupt) {
			err = v.remove(&e.Stats, n)
		}
		switch {
		case err == nil:
			err = v.print(&e.Stats, n)
			if err != nil {
				return err
			}
		case errors.As(err, &unread):
			v.sayOf(e.Name, "kept: it is durable and has %s unread; --all removes it too", text.Plural(unread.Messages, "message"))
		case errors.As(err, &corrupt):
			v.sayOf(e.Name, "kept: cannot read its messages: %s", text.OneLine(err))
		case errors.Is(err, fs.ErrNotExist): // another process removed it
		case errors.Is(err, ipc.ErrBusy):
			v.detailOf(e.Name, "kept: it is in use again")
		default:
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// keeps reports whether the channel is kept if it has unread messages.
func (v *prune) keeps(s *ipc.Stats) bool { return s.Durable && !v.everything }

// remove removes a channel that had n unread messages. With --dry-run it only fails as
// the removal would. The library checks again, with all endpoints locked out.
func (v *prune) remove(s *ipc.Stats, n uint64) error {
	switch {
	case v.keeps(s) && n > 0:
		return &ipc.UnreadError{Messages: n}
	case v.dryRun:
		return nil
	case v.everything:
		return ipc.Remove(s.Name, v.options())
	}
	return ipc.RemoveUnused(s.Name, v.options())
}

func (v *prune) print(s *ipc.Stats, n uint64) error {
	if v.asJSON {
		return printJSON(v.stdout, prunedView{s.Name, s.Path, s.Durable, n, !v.dryRun})
	}
	if n > 0 {
		v.sayOf(s.Name, "%s unread", text.Plural(n, "message"))
	}
	_, err := fmt.Fprintln(v.stdout, text.Printable(s.Name))
	return err
}
