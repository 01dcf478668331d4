//go:build !failpoints

package failpoint

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, nil) }

// nm returns the symbols of the command, built with these tags.
func nm(t *testing.T, tags string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "shmchan")
	out, err := exec.Command("go", "build", "-tags", tags, "-o", bin, "../../cmd/shmchan").CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command("go", "tool", "nm", bin).Output()
	require.NoError(t, err)
	return string(out)
}

// Without the symbol there is no call: every Hit was inlined with an empty body.
func TestOnlyABuildWithTheTagHasFailpoints(t *testing.T) {
	const symbol = "shmchan/internal/failpoint."
	require.NotContains(t, nm(t, ""), symbol)
	require.Contains(t, nm(t, "failpoints"), symbol+"Hit")
}
