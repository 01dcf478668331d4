//go:build failpoints

package failpoint

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{"walker": walkerRole})
}

// walkerRole reaches a failpoint three times.
func walkerRole([]string) int {
	for i := range 3 {
		Hit(Stamped)
		proctest.Say("passed %d", i+1)
	}
	return 0
}

func TestProcessIsArmedByItsEnvironment(t *testing.T) {
	for action, then := range map[string]func(p *proctest.Proc){
		"kill": func(p *proctest.Proc) { require.Equal(t, -1, p.Wait()) },
		"stop": func(p *proctest.Proc) {
			proctest.Eventually(t, "it stands", p.Stopped)
			p.Cont()
			p.Expect("passed 2")
		},
		"hold": func(p *proctest.Proc) {
			p.Expect("reached stamped")
			p.Cont()
			p.Expect("passed 2")
		},
	} {
		t.Run(action, func(t *testing.T) {
			t.Setenv(Variable, "meta stored=1=kill;stamped=2="+action)
			p := proctest.Start(t, "walker")
			p.Expect("passed 1")
			then(p)
		})
	}
}

func TestEntryThatIsNoneIsAnError(t *testing.T) {
	for _, entry := range []string{"stamped", "stamped=1", "stamped=0=kill", "stamped=x=kill", "stamped=1=sleep"} {
		require.Error(t, armBy(entry), entry)
	}
}

func TestTraceCountsHits(t *testing.T) {
	Trace()
	Hit(Stamped)
	Hit(Stamped)
	Hit(Retired)
	require.Equal(t, map[Point]int{Stamped: 2, Retired: 1}, Traced())
}
