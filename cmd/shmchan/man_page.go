package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pageName returns the name of the page about a command: shmchan, shmchan-send.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// page returns the manual page about a command, in man(7) format. It contains what --help
// prints.
func page(c *cobra.Command, date string) []byte {
	c.InitDefaultHelpFlag()
	var p strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&p, format+"\n", args...) }
	line(`.TH "%s" "1" "%s" "shmchan %s" "shmchan"`, roff(strings.ToUpper(pageName(c))), roff(date), roff(buildVersion()))
	line(".SH NAME")
	line(`%s \- %s`, roff(pageName(c)), roff(strings.ToLower(c.Short[:1])+c.Short[1:]))
	line(".SH SYNOPSIS")
	line(`\fB%s\fR`, roff(c.UseLine()))
	line(".SH DESCRIPTION")
	pageText(&p, c.Long)
	if c.HasAvailableSubCommands() {
		line(".SH VERBS")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				line(".TP\n\\fB%s\\fR\n%s", roff(sub.Use), roff(sub.Short))
			}
		}
	}
	line(".SH OPTIONS")
	pageFlags(&p, c.NonInheritedFlags())
	if c.HasInheritedFlags() {
		line(".SS Global options")
		pageFlags(&p, c.InheritedFlags())
	}
	line(".SH EXAMPLES")
	preformatted(&p, strings.Split(c.Example, "\n"))
	line(".SH SEE ALSO")
	line("%s", strings.Join(seeAlso(c), ", "))
	return []byte(p.String())
}

// pageText writes paragraphs. It keeps indented lines as they are.
func pageText(p *strings.Builder, text string) {
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		n := 0
		for n < len(lines) && strings.HasPrefix(lines[n], "  ") {
			n++
		}
		if n > 0 {
			preformatted(p, lines[:n])
			lines = lines[n:]
			continue
		}
		if lines[0] == "" {
			p.WriteString(".PP\n")
		} else {
			p.WriteString(roff(lines[0]) + "\n")
		}
		lines = lines[1:]
	}
}

func preformatted(p *strings.Builder, lines []string) {
	p.WriteString(".PP\n.nf\n")
	for _, l := range lines {
		p.WriteString(roff(l) + "\n")
	}
	p.WriteString(".fi\n")
}

func pageFlags(p *strings.Builder, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := `\fB` + roff("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + name
		}
		if value != "" {
			name += ` \fI` + roff(value) + `\fR`
		}
		if f.DefValue != "" && f.DefValue != "false" && !strings.Contains(usage, "(default") {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(p, ".TP\n%s\n%s\n", name, roff(usage))
	})
}

func seeAlso(c *cobra.Command) []string {
	if c.HasParent() {
		return []string{`\fBshmchan\fR(1)`}
	}
	var pages []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			pages = append(pages, `\fB`+roff(pageName(sub))+`\fR(1)`)
		}
	}
	return pages
}

// roff escapes text, so that it contains no escape and does not begin with a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
