package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/terminate"
)

// patience limits every wait of a script for a state.
const patience = 3 * time.Minute

// scriptCommands are the commands of scripts in addition to those of testscript:
//
//	status N prog args…      run it; its status, as a shell counts, must be N
//	start [-stdin] ID prog…  start it in the background; its output goes to the
//	                         files ID.out and ID.err; -stdin: feed writes its input
//	feed ID TEXT             write TEXT, a Go string without its quotes, to it
//	feed -end ID             close its input
//	signal ID NAME           send it a signal: INT, TERM, KILL, STOP, CONT, PIPE, HUP
//	finish ID N              wait until it ends; its status must be N; stdout and
//	                         stderr are those of it
//	until REGEXP prog args…  run it again and again until its stdout matches
//	untilfile REGEXP FILE    wait until the file matches
//	masked FILE WANT         compare, with pids, times and ages of JSON masked
//	bytes FILE TEXT          the file holds exactly TEXT, a Go string without its quotes
//	repeat FILE N TEXT       make a file of N times TEXT
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"status":    scriptStatus,
	"start":     scriptStart,
	"feed":      scriptFeed,
	"signal":    scriptSignal,
	"finish":    scriptFinish,
	"until":     scriptUntil,
	"untilfile": scriptUntilFile,
	"masked":    scriptMasked,
	"bytes":     scriptBytes,
	"repeat":    scriptRepeat,
}

// processes is the key of the map from ids to background processes of a script.
type processes struct{}

type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser // nil unless fed by the script
	files []*os.File
	done  chan struct{} // closed when it has ended
}

func usage(ts *testscript.TestScript, neg bool, args []string, least int, text string) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", text)
	}
}

func background(ts *testscript.TestScript, id string) *process {
	p := ts.Value(processes{}).(map[string]*process)[id]
	if p == nil {
		ts.Fatalf("no process %s was started", id)
	}
	return p
}

// statusOf returns the status that a shell would show.
func statusOf(s *os.ProcessState) int {
	if ws := s.Sys().(syscall.WaitStatus); ws.Signaled() {
		return terminate.Status(ws.Signal())
	}
	return s.ExitCode()
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func unquote(ts *testscript.TestScript, s string) string {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	ts.Check(err)
	return text
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "status N prog args…")
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = statusOf(exit.ProcessState)
	}
	if want := number(ts, args[0]); got != want {
		ts.Fatalf("status %d, want %d", got, want)
	}
}

func scriptStart(ts *testscript.TestScript, neg bool, args []string) {
	const text = "start [-stdin] ID prog args…"
	usage(ts, neg, args, 1, text)
	fed := args[0] == "-stdin"
	if fed {
		args = args[1:]
	}
	usage(ts, neg, args, 2, text)
	id, prog := args[0], args[1]
	// The script has the PATH of this process.
	cmd := exec.Command(prog, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "SHMCHAN_DIR="+ts.Getenv("SHMCHAN_DIR"))
	p := &process{cmd: cmd, done: make(chan struct{})}
	for _, ext := range []string{".out", ".err"} {
		f, err := os.Create(ts.MkAbs(id + ext))
		ts.Check(err)
		p.files = append(p.files, f)
	}
	cmd.Stdout, cmd.Stderr = p.files[0], p.files[1]
	if fed {
		var err error
		p.stdin, err = cmd.StdinPipe()
		ts.Check(err)
	}
	ts.Check(cmd.Start())
	go func() {
		_ = cmd.Wait() // the state says all
		for _, f := range p.files {
			_ = f.Close()
		}
		close(p.done)
	}()
	ts.Value(processes{}).(map[string]*process)[id] = p
	ts.Defer(func() { // does nothing if it has ended
		_ = cmd.Process.Kill()
		<-p.done
	})
}

func scriptFeed(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "feed ID TEXT | feed -end ID")
	if args[0] == "-end" {
		ts.Check(background(ts, args[1]).stdin.Close())
		return
	}
	_, err := io.WriteString(background(ts, args[0]).stdin, unquote(ts, args[1]))
	ts.Check(err)
}

var signals = map[string]syscall.Signal{
	"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP,
	"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "PIPE": syscall.SIGPIPE,
}

func scriptSignal(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "signal ID NAME")
	sig, ok := signals[args[1]]
	if !ok {
		ts.Fatalf("no signal %s", args[1])
	}
	ts.Check(background(ts, args[0]).cmd.Process.Signal(sig))
}

func scriptFinish(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "finish ID N")
	p := background(ts, args[0])
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("%s has not ended after %v", args[0], patience)
	}
	_, _ = io.WriteString(ts.Stdout(), ts.ReadFile(args[0]+".out"))
	_, _ = io.WriteString(ts.Stderr(), ts.ReadFile(args[0]+".err"))
	if got, want := statusOf(p.cmd.ProcessState), number(ts, args[1]); got != want {
		ts.Fatalf("%s ended with status %d, want %d", args[0], got, want)
	}
}

// eventually polls until cond returns true.
func eventually(ts *testscript.TestScript, what string, cond func() bool) {
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("after %v still not so: %s", patience, what)
		}
	}
}

func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "until REGEXP prog args…")
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	var last []byte
	defer func() { _, _ = ts.Stdout().Write(last) }()
	eventually(ts, "stdout matches "+args[0], func() bool {
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = append(os.Environ(), "SHMCHAN_DIR="+ts.Getenv("SHMCHAN_DIR"))
		last, _ = cmd.Output() // a failure matches no less than other output
		return re.Match(last)
	})
}

func scriptUntilFile(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "untilfile REGEXP FILE")
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	eventually(ts, args[1]+" matches "+args[0], func() bool {
		raw, err := os.ReadFile(ts.MkAbs(args[1]))
		return err == nil && re.Match(raw)
	})
}

// masks replace what differs between runs.
var masks = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`"pid":[1-9][0-9]*`), `"pid":PID`},
	{regexp.MustCompile(`"(created|time)":"20[0-9-]+T[0-9:.]+Z"`), `"$1":"TIME"`},
	{regexp.MustCompile(`"beat_age_ms":[0-9]+`), `"beat_age_ms":AGE`},
	{regexp.MustCompile(`"(head|tail)":[1-9][0-9]*`), `"$1":POSITION`}, // how messages fell into batches
}

func scriptMasked(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "masked FILE WANT")
	got := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "$WORK")
	for _, m := range masks {
		got = m.re.ReplaceAllString(got, m.by)
	}
	if want := ts.ReadFile(args[1]); got != want {
		ts.Fatalf("got  %swant %s", got, want)
	}
}

func scriptBytes(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "bytes FILE TEXT")
	if got, want := ts.ReadFile(args[0]), unquote(ts, args[1]); got != want {
		ts.Fatalf("%s holds %q, want %q", args[0], got, want)
	}
}

func scriptRepeat(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 3, "repeat FILE N TEXT")
	text := []byte(unquote(ts, args[2]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat(text, number(ts, args[1])), 0o600))
}
