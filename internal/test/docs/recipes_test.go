package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// needs lists commands that a recipe requires and that may be missing or not
// permitted, each with a probe that succeeds if it is available.
var needs = map[string][]string{
	"Two users of one group": {"unshare", "--net", "--pid", "--fork", "--mount-proc", "setpriv", "--reuid", "1000", "--regid", "1000", "--groups", "3000", "true"},

	"Two containers": {"unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--mount-proc", "true"},
}

// TestRecipesRunAsPrinted runs each section of the page in a directory of its own.
func TestRecipesRunAsPrinted(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs/recipes.md"))
	require.NoError(t, err)
	sections := strings.Split(string(page), "\n## ")[1:]
	require.NotEmpty(t, sections)
	bin := buildCommand(t, root)

	for _, section := range sections {
		title, text, _ := strings.Cut(section, "\n")
		t.Run(strings.ReplaceAll(title, "/", "|"), func(t *testing.T) {
			if probe := needs[title]; probe != nil {
				if out, err := exec.Command(probe[0], probe[1:]...).CombinedOutput(); err != nil {
					t.Skipf("%s: %v: %s", strings.Join(probe, " "), err, out)
				}
			}
			work := newPlace(t, bin)
			for _, dir := range []string{bin, work.dir} { // other users may need access
				require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
			}
			blocks := marked.FindAllStringSubmatch(text, -1)
			require.Equal(t, strings.Count(text, "\n```")/2, len(blocks), "a block that nothing looks at")
			printed := ""
			for _, m := range blocks {
				kind, path, text := m[1], m[2], m[3]
				switch {
				case path != "":
					// The unit contains the path at which a package installs the
					// command.
					work.write(t, path, strings.ReplaceAll(text, "/usr/bin/shmchan", filepath.Join(bin, "shmchan")))
					if strings.HasSuffix(path, ".service") {
						verifyUnit(t, filepath.Join(work.dir, path))
					}
				case kind == "run":
					lines := strings.Count(text, "\n")
					require.True(t, 2 <= lines && lines <= 6, "%d lines, which is no recipe", lines)
					printed = work.run(t, text)
				case kind == "prints":
					require.Equal(t, text, printed)
				}
			}
		})
	}
}

func verifyUnit(t *testing.T, path string) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("not verified: there is no systemd-analyze")
		return
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}
