package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// printUsage prints how a command is called: what --help shows below the description.
// It is code and not a template of cobra's, because a program that executes
// templates keeps every exported method of every type it links.
func printUsage(c *cobra.Command) error {
	var b strings.Builder
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n\n%s:\n%s", title, strings.TrimRight(text, " \n"))
		}
	}
	b.WriteString("Usage:\n  " + c.UseLine())
	section("Examples", c.Example)
	var list strings.Builder
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			fmt.Fprintf(&list, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	section("Verbs", list.String())
	section("Flags", c.LocalFlags().FlagUsages())
	section("Global Flags", c.InheritedFlags().FlagUsages())
	if list.Len() > 0 {
		fmt.Fprintf(&b, "\n\nUse %q for more information.", c.CommandPath()+" VERB --help")
	}
	_, err := fmt.Fprintln(c.OutOrStderr(), b.String())
	return err
}
