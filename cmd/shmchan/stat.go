package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

func newStat(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "stat NAME",
		Short: "Show all there is to know about a channel",
		Long: `Show all there is to know about a channel: layout, counters, endpoints and their
states. An endpoint is stalled if its process exists but its heartbeats have
stopped, as the process is stopped or starved. It is dead if its process is gone
without having detached.`,
		Example: `  shmchan stat jobs
  shmchan stat --json jobs | jq '.senders[] | select(.state != "alive")'`,
		Args: oneName,
		RunE: a.named(func(_ context.Context, name string, _ []string) error {
			s, err := ipc.Inspect(name, a.options())
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return a.missing(err, name)
			case err != nil:
				return err
			case asJSON:
				return printJSON(a.stdout, viewOf(&s))
			}
			return printStat(a.stdout, &s, time.Now())
		}),
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// printStat writes a channel for people: its properties, its counters, its endpoints.
func printStat(w io.Writer, s *ipc.Stats, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(key, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", key, fmt.Sprintf(format, args...))
	}
	row("name", "%s", text.Printable(s.Name))
	row("path", "%s", text.Printable(s.Path))
	row("created", "%s, %s ago", s.Created.In(now.Location()).Format(time.RFC3339), text.Age(now.Sub(s.Created)))
	row("kind", "%s", kindOf(s))
	row("mode", "%#o", s.Mode.Perm())
	row("capacity", "%s (%d bytes)", text.Size(uint64(s.Capacity)), s.Capacity)
	row("used", "%d bytes (%s)", s.Used, text.Percent(s.Used, s.Capacity))
	row("head", "%d", s.Head)
	row("tail", "%d", s.Tail)
	row("messages", "%d sent, %d received", s.Messages, s.Received)
	row("bytes", "%d sent", s.Bytes)
	row("deaths", "%s killed, %s skipped", text.Plural(s.Deaths, "sender"), text.Plural(s.Skipped, "claim"))
	row("senders", "%d of %d slots", len(s.Senders), s.MaxSenders)
	if s.Receiver == nil {
		row("receiver", "none")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if s.Receiver == nil && len(s.Senders) == 0 {
		return nil
	}
	fmt.Fprintln(t, "\nENDPOINT\tPID\tSTATE\tBEAT\tMESSAGES\tBYTES\tCLAIM\tLABEL")
	if s.Receiver != nil {
		printEndpoint(t, "receiver", s.Receiver)
	}
	for i := range s.Senders {
		printEndpoint(t, "sender "+strconv.Itoa(s.Senders[i].Slot), &s.Senders[i])
	}
	return t.Flush()
}

func printEndpoint(w io.Writer, name string, e *ipc.End) {
	claim := "-"
	if e.Claim != nil {
		claim = strconv.FormatUint(*e.Claim, 10)
	}
	fmt.Fprintf(w, "%s\t%d\t%s\t%s ago\t%d\t%d\t%s\t%s\n", name, e.PID, e.State, text.Age(e.BeatAge),
		e.Messages, e.Bytes, claim, text.OrDash(text.Printable(e.Label)))
}
