package heartbeat

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process wakes once for everything that is due at one interval or at a multiple of
// it: its own endpoints, those that it watches, and directories.
func TestProcessWakesOnceABeatWhateverItHolds(t *testing.T) {
	const every, beats = 20 * time.Millisecond, 10
	both(t, func(t *testing.T) {
		var mine, other words
		for _, b := range []*Beat{
			Add(mine.words(), every, "", mine.tick),
			Add(Words{}, every, t.TempDir(), func() {}),
			Add(Words{Shared: &other.shared}, 2*every, "", func() {}),
			Add(Words{Line: &other.line}, every, "", func() {}),
		} {
			defer b.Remove()
		}
		inOneTry(t, func() bool { // a late walk may cause others
			mine.passes(t, 2)
			walks, from := all.walker.pass.Load()/2, mine.beats.Load()
			mine.passes(t, beats)
			return all.walker.pass.Load()/2-walks <= mine.beats.Load()-from+1
		})
	})
}

// A beating endpoint is not silent to one that checks it at the same times, whichever
// comes first.
func TestEndpointThatBeatsIsNotSilent(t *testing.T) {
	const every = int64(time.Millisecond)
	for _, early := range []bool{true, false} {
		var w words
		watch := Beat{}
		watch.entry.init(Words{At: &w.at, Shared: &w.shared}, time.Duration(every), "")
		watch.Silent()
		for beat := int64(1000); beat < 1100; beat++ {
			beats := func() {
				w.shared.Add(1)
				w.at.Store(beat * every)
			}
			if early {
				beats()
			}
			raised := watch.entry.beat(beat*every, 0)
			require.False(t, raised && beat > 1001, "at beat %d", beat)
			if !early {
				beats()
			}
		}
		watch.entry.beat(1150*every, 0)
		require.True(t, watch.entry.beat(1200*every, 0), "the endpoint has fallen silent")
	}
}
