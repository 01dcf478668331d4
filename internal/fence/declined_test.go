package fence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{"declines": declinesRole})
}

// declinesRole prints what works before and after it declines. Declining is permanent,
// so it is tested in a process of its own.
func declinesRole([]string) int {
	works := fence.Everywhere()
	fence.Decline()
	proctest.Say("%t %t", fence.Register(), works == fence.Reaches())
	return 0
}

func TestProcessThatDeclinesReachesOthers(t *testing.T) {
	p := proctest.Start(t, "declines")
	p.Expect("false true")
	require.Zero(t, p.Wait())
	require.Equal(t, fence.Register(), fence.Reaches(), "without declining it reaches others if it is registered")
}
