package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// A terminal is that of tmux, running a shell whose prompt is a dollar sign.
type terminal struct {
	t      *testing.T
	socket string
}

// shellLife is the time, in seconds, after which the shell of a killed test ends.
const shellLife = "600"

func newTerminal(t *testing.T, w, h int) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("not run: tmux is missing; make unit installs it where it can")
	}
	dir, err := os.MkdirTemp("", "tmux-") // the socket's path must be short
	require.NoError(t, err)
	term := &terminal{t, filepath.Join(dir, "s")}
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", term.socket, "kill-server").Run()
		require.NoError(t, os.RemoveAll(dir))
	})
	// If the command is several arguments, tmux does not run it by the user's shell, which
	// may be nologin.
	term.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", fmt.Sprint(w), "-y", fmt.Sprint(h),
		"env", "-u", "NO_COLOR", "PS1=$ ", "LC_ALL=C.UTF-8", "timeout", "--foreground", shellLife, "bash", "--norc", "--noprofile")
	term.prompt()
	return term
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	require.NoError(term.t, err, "tmux %q: %s", args, out)
	return string(out)
}

// keys types keys by their names in tmux: s, Enter, Escape, C-c.
func (term *terminal) keys(names ...string) {
	term.t.Helper()
	term.tmux(append([]string{"send-keys"}, names...)...)
}

// run types a line into the shell.
func (term *terminal) run(line string) {
	term.t.Helper()
	term.tmux("send-keys", "-l", line)
	term.keys("Enter")
}

// screen returns the lines on the screen, without trailing blanks.
func (term *terminal) screen() []string {
	term.t.Helper()
	return strings.Split(strings.TrimSuffix(term.tmux("capture-pane", "-p"), "\n"), "\n")
}

// until waits until the screen satisfies cond, and returns it.
func (term *terminal) until(what string, cond func(lines []string) bool) (lines []string) {
	term.t.Helper()
	defer func() {
		if term.t.Failed() {
			term.t.Logf("the screen, waiting until %s:\n%s", what, strings.Join(lines, "\n"))
		}
	}()
	proctest.Eventually(term.t, what, func() bool {
		lines = term.screen()
		return cond(lines)
	})
	return lines
}

// shows waits until a line matches each of the patterns.
func (term *terminal) shows(patterns ...string) []string {
	term.t.Helper()
	return term.until("it shows "+strings.Join(patterns, " and "), func(lines []string) bool {
		for _, p := range patterns {
			if !matches(lines, p) {
				return false
			}
		}
		return true
	})
}

func matches(lines []string, pattern string) bool {
	re := regexp.MustCompile(pattern)
	for _, l := range lines {
		if re.MatchString(l) {
			return true
		}
	}
	return false
}

// prompt waits for the prompt of the shell.
func (term *terminal) prompt() {
	term.t.Helper()
	term.until("the shell prompts", func(lines []string) bool {
		text := strings.TrimRight(strings.Join(lines, "\n"), "\n ")
		return text == "$" || strings.HasSuffix(text, "\n$")
	})
}

// restored checks the terminal and the status after a program that used the screen: the
// shell prompts below the former contents, echoes, and shows its cursor.
func (term *terminal) restored(status int) {
	term.t.Helper()
	term.prompt()
	require.Equal(term.t, "0 1 0\n", term.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"))
	term.run("echo its status: $?, $(stty -a | grep -Eow -- '-?(echo|icanon|isig|opost)' | tr '\\n' ' ')")
	term.shows(fmt.Sprintf(`^its status: %d, (isig icanon echo opost|opost isig icanon echo) ?$`, status), `^\$ `)
}

// A colour of SGR: 30 to 38, 40 to 48, 90 to 107; 39 and 49 take it away.
var coloured = regexp.MustCompile(`\x1b\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]`)

func (term *terminal) isColoured() bool {
	term.t.Helper()
	return coloured.MatchString(term.tmux("capture-pane", "-p", "-e"))
}
