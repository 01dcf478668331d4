package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

func newCompletion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a shell's completion script",
		Long: `Print the script with which a shell completes verbs, flags and the names of
channels. make install installs it.`,
		Example: `  shmchan completion bash > ~/.local/share/bash-completion/completions/shmchan
  shmchan completion zsh > "${fpath[1]}/_shmchan"
  shmchan completion fish > ~/.config/fish/completions/shmchan.fish`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.verb = cmd.Name()
			switch {
			case len(args) == 0:
				return usagef("missing shell: want bash, zsh or fish")
			case len(args) > 1:
				return usagef("accepts one shell, got %d: want bash, zsh or fish", len(args))
			}
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			}
			return usagef("unknown shell %q: want bash, zsh or fish", args[0])
		},
	}
}

// complete registers how arguments and values of flags are completed.
func (a *app) complete(root *cobra.Command) {
	dirs := func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	must(root.RegisterFlagCompletionFunc("dir", dirs))
	for _, cmd := range root.Commands() {
		_, args, _ := strings.Cut(cmd.Use, " ")
		switch {
		case cmd.ValidArgs != nil || cmd.ValidArgsFunction != nil:
		case strings.Contains(args, "NAME"):
			cmd.ValidArgsFunction = a.completeName
		default:
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			values := cobra.NoFileCompletions
			switch f.Value.Type() {
			case "bool", "string": // no value, or anything
				return
			case "FRAME":
				values = cobra.FixedCompletions(frame.Names(), cobra.ShellCompDirectiveNoFileComp)
			}
			if _, done := cmd.GetFlagCompletionFunc(f.Name); !done {
				must(cmd.RegisterFlagCompletionFunc(f.Name, values))
			}
		})
	}
}

// must panics on an error that only a bug in this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// completeName completes NAME by the existing channels, and leaves paths to the shell. NAME
// is the first argument, or every argument if the verb accepts several.
func (a *app) completeName(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 && !strings.Contains(cmd.Use, "NAME…") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if strings.Contains(begun, "/") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	entries, err := ipc.List(a.options())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for i := range entries {
		e := &entries[i]
		if e.Err != nil || !strings.HasPrefix(e.Name, begun) || slices.Contains(args, e.Name) || text.Printable(e.Name) != e.Name {
			continue
		}
		about := fmt.Sprintf("%s, %s full, receiver %s, %s", text.Size(uint64(e.Stats.Capacity)),
			text.Percent(e.Stats.Used, e.Stats.Capacity), receiverOf(&e.Stats), text.Plural(len(e.Stats.Senders), "sender"))
		names = append(names, cobra.CompletionWithDesc(e.Name, about))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
