// Package docs runs the examples of the README and the recipes as printed.
package docs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds the time of one example, including a build.
const patience = 3 * time.Minute

// marked matches a comment on its own line and the fenced block after it: run,
// prints, or file and a path.
var marked = regexp.MustCompile("(?ms)^<!-- (run|prints|file: (\\S+)) -->\n```\\w*\n(.*?)^```$")

func TestReadmeExamplesRunAsPrinted(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	work := newWorkshop(t, root, buildCommand(t, root))

	ran := 0
	var printed string
	for _, m := range marked.FindAllStringSubmatch(string(readme), -1) {
		kind, path, text := m[1], m[2], m[3]
		switch {
		case path != "":
			work.write(t, path, text)
		case kind == "run":
			work.build(t)
			printed = work.run(t, text)
			ran++
		case kind == "prints":
			require.Equal(t, text, printed)
		}
	}
	require.Equal(t, 2, ran, "examples found in the README")
}

// workshop is a directory in which examples run, with the command on PATH and its own
// channel directory.
type workshop struct {
	dir string
	env []string
}

// newWorkshop returns a workshop that holds a module which uses this tree.
func newWorkshop(t *testing.T, root, bin string) workshop {
	t.Helper()
	w := newPlace(t, bin)
	w.write(t, "go.mod", fmt.Sprintf("module example\n\ngo 1.26.0\n\nrequire %[1]s v0.0.0\n\nreplace %[1]s => %[2]s\n",
		"github.com/shmchan/shmchan", root))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	w.write(t, "go.sum", string(sums))
	return w
}

// newPlace returns an empty workshop; the command is in bin.
func newPlace(t *testing.T, bin string) workshop {
	t.Helper()
	w := workshop{dir: t.TempDir()}
	channels, err := os.MkdirTemp("/dev/shm", "shmchan-docs-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(channels)) })
	w.env = append(os.Environ(),
		"SHMCHAN_DIR="+channels,
		"PATH="+bin+":"+os.Getenv("PATH"),
		"GOFLAGS=-mod=mod -buildvcs=false",
		"LC_ALL=C")
	return w
}

// buildCommand builds the command, as make does, into a directory of its own.
func buildCommand(t *testing.T, root string) (bin string) {
	t.Helper()
	bin = t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", bin, "./cmd/shmchan")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return bin
}

func (w workshop) write(t *testing.T, path, text string) {
	t.Helper()
	path = filepath.Join(w.dir, filepath.FromSlash(path))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// build compiles the Go files written so far, so that go prints nothing about modules
// when the example runs.
func (w workshop) build(t *testing.T) {
	t.Helper()
	if programs, _ := filepath.Glob(filepath.Join(w.dir, "*", "*.go")); len(programs) == 0 {
		return
	}
	cmd := exec.Command("go", "build", "-o", os.DevNull, "./...")
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// run returns the output of the script, which must succeed and print nothing to
// stderr.
func (w workshop) run(t *testing.T, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = w.dir, w.env
	// Ends the processes that the script leaves in the background.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	require.NoError(t, err, "%s\n%s", script, stderr.String())
	require.Empty(t, stderr.String())
	return stdout.String()
}
