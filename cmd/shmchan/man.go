package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
)

// man is `shmchan man [VERB]`.
type man struct {
	*app
	to string
}

func newMan(a *app) *cobra.Command {
	v := &man{app: a}
	cmd := &cobra.Command{
		Use:   "man [VERB]",
		Short: "Print a manual page, or write all of them",
		Long: `Print the manual page of shmchan or of one verb, or write all pages to a directory.
Their date is that of SOURCE_DATE_EPOCH, or of the commit that the command was
built from, if there is either.`,
		Example: `  shmchan man | man -l -
  shmchan man send | man -l -
  shmchan man --to /usr/local/share/man/man1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.verb = cmd.Name()
			return v.run(cmd, args)
		},
		ValidArgsFunction: completeVerb,
	}
	cmd.Flags().StringVar(&v.to, "to", "", "write all pages to `DIR`, creating it if it is missing")
	return cmd
}

func completeVerb(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, c := range cmd.Root().Commands() {
		if len(args) == 0 && c.IsAvailableCommand() {
			names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (v *man) run(cmd *cobra.Command, args []string) error {
	date, err := pageDate()
	if err != nil {
		return err
	}
	if v.to != "" {
		if len(args) > 0 {
			return usagef("--to and VERB are mutually exclusive")
		}
		return v.all(cmd.Root(), date)
	}
	about, err := verbOf(cmd.Root(), args)
	if err != nil {
		return err
	}
	_, err = v.stdout.Write(page(about, date))
	return err
}

// all writes a page for the command and for each verb.
func (v *man) all(root *cobra.Command, date string) error {
	if err := os.MkdirAll(v.to, 0o755); err != nil {
		return err
	}
	about := []*cobra.Command{root}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			about = append(about, c)
		}
	}
	for _, c := range about {
		path := filepath.Join(v.to, pageName(c)+".1")
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, page(c, date)) {
			continue
		}
		if err := os.WriteFile(path, page(c, date), 0o644); err != nil {
			return err
		}
		v.detail("wrote %s", text.Printable(path))
	}
	return nil
}

// pageDate returns the date of the pages, or "". It is the same in every run of a build.
func pageDate() (string, error) {
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return "", usagef("invalid SOURCE_DATE_EPOCH %q: want a number of seconds", epoch)
		}
		return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
	}
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return "", nil
	}
	for _, s := range info.Settings {
		if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
			return t.UTC().Format(time.DateOnly), nil
		}
	}
	return "", nil
}
