package fence

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a process decides for good is tested in one of its own.
func TestProcessThatDeclinesReachesOthers(t *testing.T) {
	const child = "SHMCHAN_TEST_DECLINE"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, Register(), Reaches(), "one that has not declined reaches others if it is registered")
		return
	}
	works := Everywhere()
	Decline()
	require.False(t, Register())
	require.Equal(t, works, Reaches())
}
