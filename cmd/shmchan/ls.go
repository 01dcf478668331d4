package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

func newLs(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the channels",
		Long: `List the channels of the directory, with their endpoints and how full they are. A
file that is not a channel, or is damaged, is listed with its error.`,
		Example: `  shmchan ls
  shmchan ls --json | jq -r '.[] | select(.receiver == null) | .name'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.verb = cmd.Name()
			entries, err := ipc.List(a.options())
			if err != nil {
				return err
			}
			if dir, err := ipc.Dir(a.options()); err == nil {
				a.detail("%s in %s", text.Plural(len(entries), "file"), text.Printable(dir))
			}
			if asJSON {
				return a.listJSON(entries)
			}
			return a.listTable(entries)
		},
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

func (a *app) listJSON(entries []ipc.Entry) error {
	views := make([]any, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Err != nil {
			views[i] = damagedView{e.Name, e.Stats.Path, text.OneLine(e.Err)}
			continue
		}
		views[i] = viewOf(&e.Stats)
	}
	return printJSON(a.stdout, views)
}

func (a *app) listTable(entries []ipc.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	// Flush returns the first error of all writes.
	fmt.Fprintln(t, "NAME\tCAPACITY\tUSED\tMESSAGES\tRECEIVER\tSENDERS\tNOTE")
	for i := range entries {
		e := &entries[i]
		if e.Err != nil {
			fmt.Fprintf(t, "%s\t-\t-\t-\t-\t-\t%s\n", text.Printable(e.Name), text.Printable(text.OneLine(e.Err)))
			continue
		}
		s := &e.Stats
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%d\t%s\n", text.Printable(e.Name), text.Size(uint64(s.Capacity)),
			text.Percent(s.Used, s.Capacity), s.Messages, receiverOf(s), len(s.Senders), noteOf(s))
	}
	return t.Flush()
}
