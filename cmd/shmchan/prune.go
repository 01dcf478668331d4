package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/ipc"
)

// prune is `shmchan prune`.
type prune struct {
	*app
	dryRun, asJSON bool
}

func newPrune(a *app) *cobra.Command {
	v := &prune{app: a}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the channels that nobody uses",
		Long: `Remove the channels of the directory none of whose ends is alive, with the
messages in them, durable ones too, and print their names. A file that is no
channel, or a damaged one, stays.`,
		Example: `  shmchan prune --dry-run
  shmchan prune --json | jq -r 'select(.unread > 0) | .name'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.verb = cmd.Name()
			return v.run()
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&v.dryRun, "dry-run", false, "only print what would be removed")
	jsonFlag(flags, &v.asJSON)
	return cmd
}

// prunedView is a channel that was removed, as --json shows it. The names are a
// contract.
type prunedView struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Durable bool   `json:"durable"`
	Unread  uint64 `json:"unread"` // messages that nobody had received
	Removed bool   `json:"removed"`
}

// run goes on where one channel can't be removed, and fails for the first such
// reason.
func (v *prune) run() error {
	entries, err := ipc.List(v.options())
	if err != nil {
		return err
	}
	var failed error
	for i := range entries {
		e := &entries[i]
		if e.Err != nil {
			v.detail("%s stays: %s", printable(e.Name), oneLine(e.Err))
			continue
		}
		if end := livingEnd(&e.Stats); end != "" {
			v.detail("%s stays: %s is alive", printable(e.Name), end)
			continue
		}
		if !v.dryRun {
			// It asks the kernel again, with every end locked out.
			err := ipc.Remove(e.Name, v.options())
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue // somebody was faster
			case errors.Is(err, ipc.ErrBusy):
				v.detail("%s stays: an end has come", printable(e.Name))
				continue
			case err != nil:
				failed = errors.Join(failed, err)
				continue
			}
		}
		if err := v.print(&e.Stats); err != nil {
			return err
		}
	}
	return failed
}

func (v *prune) print(s *ipc.Stats) error {
	n := unread(s)
	if v.asJSON {
		return printJSON(v.stdout, prunedView{s.Name, s.Path, s.Durable, n, !v.dryRun})
	}
	if n > 0 {
		v.say("%s: with %s unread", printable(s.Name), plural(n, "message"))
	}
	_, err := fmt.Fprintln(v.stdout, printable(s.Name))
	return err
}

// livingEnd names an end of the channel that is alive, or is "".
func livingEnd(s *ipc.Stats) string {
	if s.Receiver != nil && s.Receiver.State != ipc.StateDead {
		return fmt.Sprintf("its receiver (pid %d)", s.Receiver.PID)
	}
	for i := range s.Senders {
		if e := &s.Senders[i]; e.State != ipc.StateDead {
			return fmt.Sprintf("its sender %d (pid %d)", e.Slot, e.PID)
		}
	}
	return ""
}

// unread counts the messages that nobody has received.
func unread(s *ipc.Stats) uint64 { return s.Messages - min(s.Received, s.Messages) }
