package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// verbs are the command's verbs, in the order in which --help lists them.
var verbs = []func(*app) *cobra.Command{
	newSend, newRecv, newPeek, newCreate, newLs, newStat, newWatch, newDoctor, newRm, newPrune, newBench, newBenchWorker, newCompletion, newMan, newVersion,
}

// app is the state of one run, which all verbs share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	dir            string
	quiet, verbose bool

	verb, name string // what diagnostics begin with

	mu       sync.Mutex                           // guards stderr: a signal may be reported at any time
	aborting atomic.Pointer[func(syscall.Signal)] // called before a second signal ends the process
}

// run executes the command and returns its exit status. If that is 128+N, the caller
// must die by signal N.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil {
		if a.verb == "" && cmd != root {
			a.verb = cmd.Name()
		}
		a.report(err)
	}
	return status(err)
}

func (a *app) root() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:   "shmchan VERB",
		Short: "Channels between processes, in shared memory",
		Long: `shmchan carries messages between the processes of one machine: many senders,
one receiver, one ring buffer in shared memory. Messages arrive whole and in
order, or not at all, even when a process is killed.

NAME is a plain name, looked up in --dir, or a path, which contains a slash. A
size is in bytes, or a number ending in K, M or G. A duration is a number with a
unit, such as 250ms, 10s or 1m30s.

Exit status:
  0  done                            5  the other endpoint is gone
  1  any other error, such as I/O    6  busy: in use, already exists, or no free slot
  2  usage error                     7  not a channel, another version, or corrupt
  3  no such channel                 8  message too large, or not allowed in the frame
  4  would block, or timed out       9  doctor found something to fix
                                     128+N  killed by signal N`,
		Example: `  shmchan recv jobs > lines     # creates the channel; exits when all senders are gone
  shmchan send jobs < lines     # from any number of other processes`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("missing verb; see shmchan --help")
			}
			hint := "see shmchan --help"
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return usagef("unknown verb %q; %s", args[0], hint)
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetUsageFunc(printUsage)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp())
	global := root.PersistentFlags()
	global.StringVar(&a.dir, "dir", "", "look up plain names in `DIR` (default $SHMCHAN_DIR, or /dev/shm/shmchan-UID)")
	global.BoolVarP(&a.quiet, "quiet", "q", false, "print no diagnostics")
	global.BoolVarP(&a.verbose, "verbose", "v", false, "print more diagnostics")
	for _, verb := range verbs {
		root.AddCommand(verb(a))
	}
	a.complete(root)
	return root
}

// newHelp returns `shmchan help VERB`, which prints what `shmchan VERB --help` prints.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:    "help [VERB]",
		Short:  "Show help on a verb",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, err := verbOf(cmd.Root(), args)
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// verbOf returns the verb that args names, or root if args is empty.
func verbOf(root *cobra.Command, args []string) (*cobra.Command, error) {
	if len(args) > 1 {
		return nil, usagef("accepts one VERB, got %d; see shmchan --help", len(args))
	}
	verb, rest, err := root.Find(args)
	if err != nil || len(rest) > 0 {
		return nil, usagef("unknown verb %q; see shmchan --help", args[0])
	}
	return verb, nil
}

// flagError returns the error for a flag that does not parse.
func flagError(cmd *cobra.Command, err error) error {
	hint := "see " + cmd.CommandPath() + " --help"
	if cmd.Name() == "send" && strings.HasPrefix(err.Error(), "unknown") {
		hint += "; put a message that begins with a dash after --"
	}
	// pflag would repeat the value, which the parsers of this package name themselves.
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		err = fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap())
		if invalid.GetFlag().Value.Type() == "bool" {
			err = fmt.Errorf("--%s: invalid value %q: want true or false", invalid.GetFlag().Name, invalid.GetValue())
		}
	}
	return usagef("%w; %s", err, hint)
}

// options returns the library options that all verbs have in common.
func (a *app) options() *ipc.Options { return &ipc.Options{Dir: a.dir} }

// named returns the RunE of a verb whose first argument is NAME.
func (a *app) named(fn func(ctx context.Context, name string, rest []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.verb, a.name = cmd.Name(), args[0]
		return fn(cmd.Context(), args[0], args[1:])
	}
}

// oneName is the Args of a verb that accepts one NAME; atLeastName also accepts more.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("accepts one NAME, got %d; usage: %s", len(args), cmd.UseLine())
	}
	return atLeastName(cmd, args)
}

func atLeastName(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("missing NAME; usage: %s", cmd.UseLine())
	}
	return nil
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q; usage: %s", args[0], cmd.UseLine())
	}
	return nil
}

// jsonFlag adds --json, which every reading verb has.
func jsonFlag(flags *pflag.FlagSet, on *bool) {
	flags.BoolVar(on, "json", false, "print JSON")
}

// say prints a diagnostic: shmchan: VERB: NAME: what happened.
func (a *app) say(format string, args ...any) { a.sayOf(a.name, format, args...) }

// sayOf is like say, for the channel of that name.
func (a *app) sayOf(name, format string, args ...any) {
	if a.quiet {
		return
	}
	head := "shmchan: "
	for _, part := range []string{a.verb, name} {
		if part != "" {
			head += text.Printable(part) + ": "
		}
	}
	// A single write keeps the lines of processes that share stderr apart. If it fails,
	// there is nowhere to report that.
	_, _ = io.WriteString(a.diagnostics(), head+fmt.Sprintf(format, args...)+"\n")
}

// diagnostics returns the writer of diagnostics.
func (a *app) diagnostics() io.Writer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stderr
}

// divert makes w the writer of diagnostics.
func (a *app) divert(w io.Writer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stderr = w
}

// detail is like say, and detailOf like sayOf, but they print only with -v.
func (a *app) detail(format string, args ...any) { a.detailOf(a.name, format, args...) }

func (a *app) detailOf(name, format string, args ...any) {
	if a.verbose {
		a.sayOf(name, format, args...)
	}
}
