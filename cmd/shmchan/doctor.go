package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/machine"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// errFix reports that doctor found something to fix.
var errFix = errors.New("something to fix")

// doctor is `shmchan doctor [NAME]`.
type doctor struct {
	*app
	asJSON   bool
	problems uint64
	err      error // of stdout
}

func newDoctor(a *app) *cobra.Command {
	v := &doctor{app: a}
	cmd := &cobra.Command{
		Use:   "doctor [NAME]",
		Short: "Look for problems, and say how to fix them",
		Long: `Check the kernel's features, the directory and its free space, and each channel,
or the one named NAME: its layout and records, dead and stalled endpoints, claims
that block other senders. doctor changes nothing. Each line begins with ok, note
or problem. A problem comes with what it means and the command that fixes it; if
there is one, the exit status is 9.`,
		Example: `  shmchan doctor
  shmchan doctor --json jobs | jq -r 'select(.level == "problem") | .fix'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneName(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.verb = cmd.Name()
			if len(args) == 1 {
				a.name = args[0]
			}
			return v.run()
		},
	}
	jsonFlag(cmd.Flags(), &v.asJSON)
	return cmd
}

// Levels of a finding.
const (
	levelOK      = "ok"
	levelNote    = "note"
	levelProblem = "problem"
)

// finding is one line of doctor. Its JSON names are a contract.
type finding struct {
	Level   string `json:"level"`
	Subject string `json:"subject"` // kernel, directory or channel
	Name    string `json:"name"`    // of the directory or channel, "" for the kernel
	Check   string `json:"check"`
	Found   string `json:"found"`
	Means   string `json:"means"` // "" if ok
	Fix     string `json:"fix"`   // a command, or advice; "" if there is nothing to do
}

func (v *doctor) run() error {
	v.report(checkKernel(machine.Features())...)
	o := v.options()
	dir, err := ipc.Dir(o)
	if strings.Contains(v.name, "/") {
		if dir, err = filepath.Abs(v.name); err == nil {
			dir = filepath.Dir(dir)
		}
	}
	if err != nil {
		return err
	}
	v.report(v.directory(dir)...)
	if v.name == "" {
		err = v.all(o)
	} else {
		err = v.one(o)
	}
	switch {
	case v.err != nil:
		return v.err
	case err != nil:
		return err
	case v.problems > 0:
		return because(errFix, "%s found", text.Plural(v.problems, "problem"))
	}
	return nil
}

// all checks every channel of the directory. If the directory cannot be listed, its own
// check has reported that.
func (v *doctor) all(o *ipc.Options) error {
	entries, err := ipc.List(o)
	if err != nil {
		v.detail("cause: %s", text.OneLine(err))
		return nil
	}
	for i := range entries {
		v.channel(&entries[i])
	}
	return nil
}

func (v *doctor) one(o *ipc.Options) error {
	s, err := ipc.Inspect(v.name, o)
	if errors.Is(err, fs.ErrNotExist) {
		return v.missing(err, v.name)
	}
	if errors.Is(err, fs.ErrInvalid) {
		return err
	}
	if s.Name = v.name; err != nil {
		s.Path, _ = filepath.Abs(v.name)
		if dir, derr := ipc.Dir(o); derr == nil && !strings.Contains(v.name, "/") {
			s.Path = filepath.Join(dir, v.name)
		}
	}
	v.channel(&ipc.Entry{Name: v.name, Stats: s, Err: err})
	return nil
}

// channel checks one channel and its records.
func (v *doctor) channel(e *ipc.Entry) {
	if e.Err != nil {
		v.report(unreadable(e))
		return
	}
	var ring error
	var unread uint64
	for _, ring = range ipc.Peek(e.Name, v.options()) {
		if ring == nil { // an error comes last, without a message
			unread++
		}
	}
	if errors.Is(ring, fs.ErrNotExist) {
		return // it is gone
	}
	c := checkup{Stats: &e.Stats, unread: unread, command: v.command}
	v.report(c.findings(ring)...)
}

// command returns a command line for verb and the named channel.
func (v *doctor) command(verb, name string) string {
	words := []string{"shmchan"}
	if v.dir != "" && !strings.Contains(name, "/") {
		words = append(words, "--dir", text.ShellWord(v.dir))
	}
	words = append(words, verb)
	if strings.HasPrefix(name, "-") {
		words = append(words, "--")
	}
	return strings.Join(append(words, text.ShellWord(name)), " ")
}

// report prints findings until stdout fails.
func (v *doctor) report(all ...finding) {
	for _, f := range all {
		if f.Level == levelProblem {
			v.problems++
		}
		if v.err != nil {
			continue
		}
		if v.asJSON {
			v.err = printJSON(v.stdout, f)
			continue
		}
		v.err = f.print(v)
	}
}

func (f *finding) print(v *doctor) error {
	about := f.Name
	if about == "" {
		about = f.Subject
	}
	out := fmt.Sprintf("%-8s %s: %s\n", f.Level, text.Printable(about), f.Found)
	if f.Means != "" {
		out += fmt.Sprintf("%-8s   means: %s\n", "", f.Means)
	}
	if f.Fix != "" {
		out += fmt.Sprintf("%-8s   fix:   %s\n", "", f.Fix)
	}
	_, err := fmt.Fprint(v.stdout, out)
	return err
}
