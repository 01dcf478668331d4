//go:build failpoints

package kill

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// start starts the victim, which waits before its play.
func (a *arena) start() {
	a.Helper()
	o := *a.o
	o.Create, o.KeepOpen = a.c.creates, a.c.do != "drain"
	raw, err := json.Marshal(job{
		Options: o, Do: a.c.do, Again: a.c.busy, Hold: a.c.hold, Point: a.c.point, Hit: a.c.hit, Action: a.c.action, Lacks: a.c.lacks,
	})
	require.NoError(a, err)
	a.victim = proctest.Start(a, "victim", string(raw))
	a.victim.Expect("ready")
}

// meet runs the victim and returns when it was killed or stopped. It returns false if
// the victim played to its end. Meanwhile it calls nudge repeatedly, until nudge
// returns true.
func (a *arena) meet(nudge func() bool) bool {
	a.Helper()
	a.nudge = nudge
	a.victim.Tell("go")
	done := a.watch()
	a.witness()
	switch {
	case done:
		return a.c.point == ""
	case a.c.action == "kill":
		require.Equal(a, -1, a.victim.Wait(), "killed")
	}
	return true
}

// watch reads the victim's output until the victim has played to its end, which it
// reports, or is dead or stopped.
func (a *arena) watch() (done bool) {
	a.Helper()
	proctest.Eventually(a, "the victim meets its fate: "+a.c.String(), func() bool {
		for {
			line, ok, over := a.victim.Heard()
			if ok {
				done = a.heard(line) || done
				continue
			}
			if over || done || a.c.action == "stop" && a.victim.Stopped() {
				return true
			}
			break
		}
		if a.nudge != nil && a.nudge() {
			a.nudge = nil
		}
		return false
	})
	return done
}

// heard records a line of the victim's, and reports whether it was the last of its
// play.
func (a *arena) heard(line string) (done bool) {
	var n, index int
	var seq, pos uint64
	var raw, at string
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "sent":
		_, _ = fmt.Sscan(rest, &n)
		a.ledger.add('v', n, n)
	case "got":
		_, _ = fmt.Sscan(rest, &seq, &pos, &index, &raw)
		msg, _ := hex.DecodeString(raw)
		a.ledger.receive(msg, ipc.Meta{Seq: seq, Position: pos, Index: index})
	case "hit":
		_, _ = fmt.Sscan(rest, &n)
		_, at, _ = strings.Cut(rest, " ")
		a.hits[at] = n
	case "done", "ended":
		a.result = rest
		return true
	case "reached":
		a.onHold()
		a.victim.Cont()
	default:
		a.Fatalf("unexpected line from the victim: %q", line)
	}
	return false
}

// part ends a victim that was not killed.
func (a *arena) part() {
	a.Helper()
	for !a.heard(a.victim.Line()) {
	}
	require.Zero(a, a.victim.Wait())
}

// resume continues a stopped victim, which plays to its end.
func (a *arena) resume() {
	a.Helper()
	if a.c.point == "" {
		return
	}
	a.victim.Cont()
	proctest.Eventually(a, "it goes on", func() bool { return !a.victim.Stopped() })
	require.True(a, a.watch())
}

// stand is the time for which a victim is stopped while the others try. The duration
// itself is tested; it does not wait for a state.
func (a *arena) stand() { time.Sleep(stopFor) }
