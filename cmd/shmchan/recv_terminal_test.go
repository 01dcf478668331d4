package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// asking returns a terminal and creates a durable channel with messages. The command ask in
// its shell prompts at the terminal, as ssh and sudo do, and prints the answer.
func asking(t *testing.T, messages ...string) *terminal {
	t.Helper()
	ownDirectory(t)
	s, err := ipc.NewSender(t.Context(), "jobs", &ipc.Options{Create: true, Durable: true})
	require.NoError(t, err)
	for _, m := range messages {
		require.NoError(t, s.Send(t.Context(), []byte(m)))
	}
	require.NoError(t, s.Close())
	dir := t.TempDir()
	const ask = "#!/bin/sh\nread -r m || :\nstty -echo </dev/tty\nprintf 'password for %s: ' \"$m\" >/dev/tty\n" +
		"read -r x </dev/tty\nstty echo </dev/tty\necho \"$m got $x.\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ask"), []byte(ask), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return newTerminal(t, 160, 24)
}

func left(t *testing.T) (all []string) {
	t.Helper()
	for m, err := range ipc.Peek("jobs", nil) {
		require.NoError(t, err)
		all = append(all, string(m.Data))
	}
	return all
}

// leaves waits until only these messages are left. recv releases a message after its command
// has ended, which is later than its output on the terminal.
func leaves(t *testing.T, want ...string) {
	t.Helper()
	proctest.Eventually(t, fmt.Sprintf("%q are left", want), func() bool { return slices.Equal(left(t), want) })
}

func TestExecAsksAtTheTerminal(t *testing.T) {
	term := asking(t, "one", "two")
	term.run("shmchan recv --exec ask jobs")
	for _, m := range []string{"one", "two"} {
		term.shows("password for " + m + ":$")
		term.run("secret" + m)
		term.shows("^(password for .*: )?" + m + ` got secret` + m + `\.$`)
	}
	term.restored(0)
	require.Empty(t, left(t))
}

// If several commands prompt at the same time, each gets one line, as head reads whole lines.
func TestExecJobsAskAtTheTerminal(t *testing.T) {
	term := asking(t, "one", "two", "three")
	term.run("shmchan recv --jobs 3 --exec 'read -r m; x=$(head -n 1 </dev/tty); echo $m got $x.' jobs")
	for _, x := range []string{"x1", "x2", "x3"} {
		term.run(x)
		term.shows("^(one|two|three) got " + x + `\.$`)
	}
	term.restored(0)
	require.Empty(t, left(t))
}

// In the background the whole job stops, as the shell shows. After fg the command can prompt.
func TestExecAsksFromTheBackground(t *testing.T) {
	const command = "shmchan recv --exec 'read -r m; read -r x </dev/tty; echo $m got $x.' jobs"
	term := asking(t, "one")
	term.run(command + " &")
	term.until("the shell tells that it has stopped", func(lines []string) bool {
		term.keys("Enter") // the shell tells at its next prompt
		return matches(lines, `^\[1\].*Stopped`)
	})
	term.run("fg")
	term.until("the command got a line", func(lines []string) bool {
		term.run("x") // it may come while the shell still edits lines
		return matches(lines, `^one got .*x\.$`)
	})
	leaves(t)
}

// ^Z stops recv and its running commands, and fg resumes all of them.
func TestExecIsSuspendedAsAWhole(t *testing.T) {
	term := asking(t, "one")
	term.run("shmchan recv --exec 'read -r m; echo begun; sed q </dev/tty; echo $m done' jobs")
	term.shows("^begun$")
	term.keys("C-z")
	term.shows(`^\[1\].*Stopped`)
	term.prompt()
	require.False(t, matches(term.screen(), "has been stopped"), "the shell tells")
	term.run("ps -o stat= -t \"$(tty)\" | grep -c ^T")
	term.shows("^3$") // recv, sh and sed
	term.run("fg")
	term.run("on")
	term.shows("^one done$")
	term.restored(0)
	require.Empty(t, left(t))
}

// ^C at a prompt kills the command and recv by SIGINT. The message stays.
func TestExecIsInterruptedAtThePrompt(t *testing.T) {
	term := asking(t, "one", "two")
	term.run("shmchan recv -k --exec 'read -r m; echo begun; read -r x </dev/tty' jobs")
	term.shows("^begun$")
	term.keys("C-c")
	term.shows(`message 1 \(sender 0, pid [0-9]+\): the command failed: signal: interrupt; the message was not received$`)
	term.restored(130)
	require.Equal(t, []string{"one", "two"}, left(t))
}

// A command that catches ^C finishes, and its message is received.
func TestExecFinishesAtAnInterrupt(t *testing.T) {
	term := asking(t, "one", "two")
	term.run(`shmchan recv -k --exec 'trap "touch $SHMCHAN_DIR/.go" INT; echo begun; while ! test -e $SHMCHAN_DIR/.go; do sleep 0.01; done; cat' jobs`)
	term.shows("^begun$")
	term.keys("C-c")
	term.shows("^(\\^C)?one")
	leaves(t, "two")
}

// A second signal to recv alone also kills the command and its descendants.
func TestSecondSignalEndsCommandsAtATerminal(t *testing.T) {
	term := asking(t, "one")
	term.run("shmchan recv -v --exec 'sleep 1000 & echo begun $! $PPID.; wait' jobs & stty -echo")
	lines := term.shows(`begun [0-9]+ [0-9]+\.$`)
	var sleeper, parent string
	for _, l := range lines {
		if i := strings.Index(l, "begun "); i >= 0 && strings.HasSuffix(l, ".") {
			f := strings.Fields(strings.TrimSuffix(l[i:], "."))
			sleeper, parent = f[1], f[2]
		}
	}
	term.run("kill " + parent)
	term.shows("a second signal exits at once")
	term.run("kill " + parent)
	proctest.Eventually(t, "the command's child is gone", func() bool {
		raw, err := os.ReadFile("/proc/" + sleeper + "/stat")
		return err != nil || strings.Contains(string(raw), ") Z ")
	})
	require.Equal(t, []string{"one"}, left(t))
}
