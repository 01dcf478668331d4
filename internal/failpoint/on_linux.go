//go:build failpoints && linux

package failpoint

import (
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// On tells whether this build has failpoints.
const On = true

// Action is what happens at a point, in the goroutine that came there.
type Action func(Point)

type arm struct {
	point  Point
	hit    int // happens at this one, counted from 1
	hits   int
	action Action
}

var state struct {
	mu    sync.Mutex
	arms  []*arm
	trace map[Point]int // hits so far; nil: not kept
}

// Arm makes action happen when point is hit for the n-th time from now on. Safe
// for concurrent use.
func Arm(point Point, n int, action Action) {
	state.mu.Lock()
	defer state.mu.Unlock()
	state.arms = append(state.arms, &arm{point: point, hit: n, action: action})
}

// Disarm undoes every Arm: nothing happens at any point any more.
func Disarm() {
	state.mu.Lock()
	defer state.mu.Unlock()
	state.arms = nil
}

// Trace counts the hits of each point from now on.
func Trace() {
	state.mu.Lock()
	defer state.mu.Unlock()
	state.trace = map[Point]int{}
}

// Traced returns how often each point was hit since Trace.
func Traced() map[Point]int {
	state.mu.Lock()
	defer state.mu.Unlock()
	return maps.Clone(state.trace)
}

// Hit is called at each step; it acts if the process is armed for this one.
func Hit(p Point) {
	var act []Action
	state.mu.Lock()
	if state.trace != nil {
		state.trace[p]++
	}
	for _, a := range state.arms {
		if a.point != p {
			continue
		}
		if a.hits++; a.hits == a.hit {
			act = append(act, a.action)
		}
	}
	state.mu.Unlock()
	for _, action := range act {
		action(p)
	}
}

// Kill ends the process by SIGKILL.
func Kill(Point) {
	_ = unix.Kill(unix.Getpid(), unix.SIGKILL)
	select {}
}

// Stop suspends the process by SIGSTOP. The signal is for the calling thread, so
// that no further instruction of it is executed; the others stop with it.
func Stop(Point) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGSTOP)
}

// Hold says "reached" and the point on standard output and waits for SIGCONT,
// while the process's other goroutines go on.
func Hold(p Point) {
	cont := make(chan os.Signal, 1)
	signal.Notify(cont, unix.SIGCONT)
	defer signal.Stop(cont)
	_, _ = os.Stdout.WriteString("reached " + string(p) + "\n")
	<-cont
}

// Actions are the actions by name.
var Actions = map[string]Action{"kill": Kill, "stop": Stop, "hold": Hold}

func init() {
	for entry := range strings.SplitSeq(os.Getenv(Variable), ";") {
		if entry == "" {
			continue
		}
		if err := armBy(entry); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %q: %v\n", Variable, entry, err)
			os.Exit(2)
		}
	}
}

// armBy arms by an entry of the environment variable: point=hit=action.
func armBy(entry string) error {
	f := strings.Split(entry, "=")
	if len(f) != 3 {
		return fmt.Errorf("want point=hit=action")
	}
	n, err := strconv.Atoi(f[1])
	if err != nil || n < 1 {
		return fmt.Errorf("hit %q: a number from 1", f[1])
	}
	action, ok := Actions[f[2]]
	if !ok {
		return fmt.Errorf("action %q: kill, stop or hold", f[2])
	}
	Arm(Point(f[0]), n, action)
	return nil
}
