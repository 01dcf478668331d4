package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

const (
	scriptDir      = "../../testdata/script"
	scriptsTimeout = 20 * time.Minute // for all of them: a hang shows its goroutines
)

// TestMain makes the test binary act as shmchan when a script executes that.
func TestMain(m *testing.M) {
	// Under the race detector every process would sleep a second when it exits.
	if os.Getenv("GORACE") == "" {
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	os.Exit(testscript.RunMain(leakTest{m}, map[string]func() int{"shmchan": func() int { main(); return 0 }}))
}

// leakTest restores the default signals, which scripts expect, and fails if the tests leak
// goroutines, descriptors or mappings.
type leakTest struct{ m *testing.M }

func (l leakTest) Run() int {
	if err := proctest.DefaultSignals(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	before := proctest.Snapshot()
	code := l.m.Run()
	for _, leak := range before.Leaks() {
		fmt.Fprintln(os.Stderr, "leaked", leak)
		code = max(code, 1)
	}
	return code
}

// TestScript runs the scripts, each with its own channel directory.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 scriptDir,
		Cmds:                scriptCommands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Deadline:            time.Now().Add(scriptsTimeout),
		Condition: func(cond string) (bool, error) {
			if cond == "userns" {
				return exec.Command("unshare", "-rm", "true").Run() == nil, nil
			}
			if cond == "strace" {
				return exec.Command("strace", "-qq", "-o", os.DevNull, "true").Run() == nil, nil
			}
			return false, fmt.Errorf("no such condition %q", cond)
		},
		Setup: func(env *testscript.Env) error {
			dir := filepath.Join(env.WorkDir, "channels")
			env.Setenv("SHMCHAN_DIR", dir)
			env.Values[processes{}] = map[string]*process{}
			return os.Mkdir(dir, 0o700)
		},
	})
}
