package docs

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInstall installs below a directory whose name contains a space, and uninstalls
// again.
func TestInstall(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("needs make")
	}
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dest := filepath.Join(t.TempDir(), "a root")
	run := func(target string) {
		cmd := exec.Command("make", "-C", root, target, "bin="+filepath.Join(t.TempDir(), "shmchan"), "DESTDIR="+dest, "PREFIX=/usr")
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "MAKEFLAGS=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	run("install")
	for _, path := range []string{
		"bin/shmchan", "share/man/man1/shmchan.1", "share/man/man1/shmchan-recv.1",
		"share/bash-completion/completions/shmchan", "share/zsh/site-functions/_shmchan", "share/fish/vendor_completions.d/shmchan.fish",
	} {
		info, err := os.Stat(filepath.Join(dest, "usr", path))
		require.NoError(t, err)
		require.NotZero(t, info.Size(), path)
	}
	out, err := exec.Command(filepath.Join(dest, "usr/bin/shmchan"), "version").Output()
	require.NoError(t, err)
	require.Regexp(t, "^shmchan ", string(out))

	run("uninstall")
	err = filepath.WalkDir(dest, func(path string, d fs.DirEntry, err error) error {
		require.True(t, d.IsDir(), "left behind: %s", path)
		return err
	})
	require.NoError(t, err)
}

// TestGoInstall installs as the README says. Without cgo, the command must need no
// library of the machine, so that it runs in an empty container.
func TestGoInstall(t *testing.T) {
	bin := t.TempDir()
	cmd := exec.Command("go", "install", "-buildvcs=false", "./cmd/shmchan")
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+bin, "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)

	program, err := elf.Open(filepath.Join(bin, "shmchan"))
	require.NoError(t, err)
	defer func() { require.NoError(t, program.Close()) }()
	for _, header := range program.Progs {
		require.NotEqual(t, elf.PT_INTERP, header.Type, "it is not static")
	}
	out, err = exec.Command(filepath.Join(bin, "shmchan"), "version").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
