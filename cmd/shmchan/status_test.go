package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/ipc"
)

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"done", nil, 0},
		{"anything else", errors.New("no space left on device"), 1},
		{"permission", fs.ErrPermission, 1},
		{"a command of --exec failed", errors.Join(errCommand, fs.ErrNotExist), 1},
		{"usage", usagef("unknown flag"), 2},
		{"an argument that the library refuses", fs.ErrInvalid, 2},
		{"no such channel", fs.ErrNotExist, 3},
		{"waited in vain for a channel", errors.Join(context.DeadlineExceeded, fs.ErrNotExist), 3},
		{"the ring is full", ipc.ErrFull, 4},
		{"the ring is empty", ipc.ErrEmpty, 4},
		{"a context's deadline", context.DeadlineExceeded, 4},
		{"a file's deadline", os.ErrDeadlineExceeded, 4},
		{"the other endpoint is gone", ipc.ErrDisconnected, 5},
		{"busy", ipc.ErrBusy, 6},
		{"no sender slot", ipc.ErrNoSlot, 6},
		{"the channel exists", fs.ErrExist, 6},
		{"not a channel", ipc.ErrIncompatible, 7},
		{"corrupt", &ipc.CorruptError{Field: "header.capacity"}, 7},
		{"a message is too large", ipc.ErrTooLarge, 8},
		{"a message does not fit the frame", &frame.RefusedError{}, 8},
		{"a stream is not of the frame", &frame.StreamError{}, 8},
		{"doctor found something", errFix, 9},
		{"killed", &signalError{signal: syscall.SIGTERM}, 128 + 15},
		{"killed, with something else wrong", errors.Join(errors.New("close"), &signalError{signal: syscall.SIGPIPE}), 128 + 13},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, status(tt.err))
			if tt.err != nil {
				require.Equal(t, tt.want, status(fmt.Errorf("send jobs: %w", tt.err)), "wrapped")
				require.Equal(t, tt.want, status(because(tt.err, "in other words")), "explained")
			}
		})
	}
}

// TestReport checks what is printed for each kind of error.
func TestReport(t *testing.T) {
	cause := errors.New("send jobs: ring is full")
	for _, tt := range []struct {
		name    string
		err     error
		quiet   bool
		verbose bool
		want    string
	}{
		{"the library's words, its prefix not repeated", cause, false, false, "shmchan: send: jobs: ring is full\n"},
		{"words without the prefix stay", errors.New("odd"), false, false, "shmchan: send: jobs: odd\n"},
		{"a problem in the user's words", because(cause, "no room"), false, false, "shmchan: send: jobs: no room\n"},
		{"and its cause with -v", because(cause, "no room"), false, true,
			"shmchan: send: jobs: no room\nshmchan: send: jobs: cause: send jobs: ring is full\n"},
		{"nothing with -q", because(cause, "no room"), true, true, ""},
		{"a signal tells itself", &signalError{signal: syscall.SIGINT}, false, false, ""},
		{"what else went wrong at a signal", &signalError{signal: syscall.SIGINT, besides: cause}, false, false,
			"shmchan: send: jobs: ring is full\n"},
		{"two errors are one line", errors.Join(errors.New("a"), errors.New("b")), false, false, "shmchan: send: jobs: a; b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{stderr: &out, verb: "send", name: "jobs", quiet: tt.quiet, verbose: tt.verbose}
			a.report(tt.err)
			require.Equal(t, tt.want, out.String())
		})
	}
}

// shmchan runs the command in this process.
func shmchan(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no verb", nil, "shmchan: missing verb"},
		{"a verb that does not exist", []string{"sned"}, `shmchan: unknown verb "sned"; did you mean send?`},
		{"a verb unlike any", []string{"frobnicate"}, `shmchan: unknown verb "frobnicate"; see shmchan --help`},
		{"help on two verbs", []string{"help", "send", "recv"}, "accepts one VERB, got 2"},
		{"a manual page of two verbs", []string{"man", "send", "recv"}, "shmchan: man: accepts one VERB, got 2"},
		{"a flag that is neither true nor false", []string{"create", "jobs", "--durable=x"}, `--durable: invalid value "x": want true or false; see shmchan create --help`},
		{"an empty NAME", []string{"create", ""}, `shmchan: create: invalid name "": want 1 to 200 bytes`},
		{"help on no verb", []string{"help", "sned"}, `unknown verb "sned"`},
		{"an unknown flag", []string{"send", "jobs", "--x"}, "shmchan: send: unknown flag: --x; see shmchan send --help; put a message that begins with a dash after --"},
		{"an unknown flag before the verb", []string{"--x", "send", "jobs"}, "shmchan: unknown flag: --x"},
		{"send without NAME", []string{"send"}, "shmchan: send: missing NAME; usage: shmchan send NAME [MESSAGE…]"},
		{"recv without NAME", []string{"recv"}, "shmchan: recv: missing NAME"},
		{"recv with one twice", []string{"recv", "a", "a"}, `shmchan: recv: accepts each NAME once, got "a" twice`},
		{"peek with two", []string{"peek", "a", "b"}, "shmchan: peek: accepts one NAME, got 2"},
		{"ls with NAME", []string{"ls", "a"}, `shmchan: ls: unexpected argument "a"`},
		{"a frame that does not exist", []string{"recv", "jobs", "--frame", "xml"}, `--frame: unknown frame "xml": want line, nul, len, raw or json`},
		{"two frames", []string{"recv", "jobs", "-0", "--frame", "json"}, "--frame json and -0 are mutually exclusive"},
		{"a timeout without a unit", []string{"recv", "jobs", "--timeout", "5"}, `--timeout: invalid duration "5": want a number with a unit`},
		{"a negative wait", []string{"send", "jobs", "--wait=-1s"}, `--wait: invalid duration "-1s": want at least 0`},
		{"a negative interval", []string{"watch", "--interval=-1s"}, `--interval: invalid interval "-1s": want at least 10ms`},
		{"a negative count", []string{"recv", "jobs", "-n", "-1"}, `--count: invalid number of messages "-1": want at least 0`},
		{"jobs without commands", []string{"recv", "jobs", "--jobs", "2"}, "--jobs requires --exec"},
		{"no jobs", []string{"recv", "jobs", "--exec", "cat", "--jobs", "0"}, `--jobs: invalid number of jobs "0": want 1 to 1024`},
		{"an empty command", []string{"recv", "jobs", "--exec", ""}, "--exec requires a command"},
		{"a command and a frame", []string{"recv", "jobs", "--exec", "cat", "-0"}, "--exec and -0 are mutually exclusive"},
		{"a size with another unit", []string{"create", "jobs", "--capacity", "1KB"}, `--capacity: invalid size "1KB": want bytes, or a number ending in K, M or G; see shmchan create --help`},
		{"a size of nothing", []string{"create", "jobs", "--capacity", "0"}, `--capacity: invalid size "0": want at least 1 byte`},
		{"a mode that is not octal", []string{"create", "jobs", "--mode", "rw"}, `--mode: invalid mode "rw"`},
		{"no senders", []string{"create", "jobs", "--max-senders", "0"}, `--max-senders: invalid number of senders "0": want 1 to 4096`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := shmchan(tt.args...)
			require.Equal(t, 2, status)
			require.Empty(t, stdout, "stdout carries data only")
			require.Contains(t, stderr, tt.want)
			require.Equal(t, 1, strings.Count(stderr, "\n"), "one line")
		})
	}
}

// TestHelp checks that --help of every verb that users see prints an example on stdout.
func TestHelp(t *testing.T) {
	all := [][]string{{"--help"}, {"help"}, {"-h"}, {"recv", "-h"}, {"help", "send"}, {"--help", "send"}}
	for _, verb := range (&app{}).root().Commands() {
		if !verb.Hidden {
			all = append(all, []string{verb.Name(), "--help"})
		}
	}
	for _, args := range all {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, stdout, stderr := shmchan(args...)
			require.Zero(t, status)
			require.Empty(t, stderr)
			require.Contains(t, stdout, "Usage:\n  shmchan")
			require.Contains(t, stdout, "Examples:\n  shmchan")
		})
	}
}

func TestVersion(t *testing.T) {
	status, stdout, _ := shmchan("version")
	require.Zero(t, status)
	require.Regexp(t, `^shmchan \S+ linux/\S+ go1\.\S+\n$`, stdout)
}
