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

// On reports whether this build has failpoints.
const On = true

// Action is a function called at a point, in the goroutine that hit it.
type Action func(Point)

type arm struct {
	point  Point
	hit    int // number of the hit that triggers action, from 1
	hits   int
	action Action
}

var state struct {
	mu    sync.Mutex
	arms  []*arm
	trace map[Point]int // hits so far; nil: not counted
}

// Arm causes action to be called at the n-th hit of point from now on. It is safe for
// concurrent use.
func Arm(point Point, n int, action Action) {
	state.mu.Lock()
	defer state.mu.Unlock()
	state.arms = append(state.arms, &arm{point: point, hit: n, action: action})
}

// Disarm undoes every Arm.
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

// Traced returns the number of hits of each point since Trace.
func Traced() map[Point]int {
	state.mu.Lock()
	defer state.mu.Unlock()
	return maps.Clone(state.trace)
}

// Hit counts a hit of p and runs the actions armed for it.
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

// Kill kills the process by SIGKILL.
func Kill(Point) {
	_ = unix.Kill(unix.Getpid(), unix.SIGKILL)
	select {}
}

// Stop suspends the process by SIGSTOP. The signal is sent to the calling thread, so the
// thread executes no further instruction; the other threads stop with it.
func Stop(Point) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGSTOP)
}

// Hold prints "reached" and the point to standard output and waits for SIGCONT, while
// the other goroutines continue.
func Hold(p Point) {
	cont := make(chan os.Signal, 1)
	signal.Notify(cont, unix.SIGCONT)
	defer signal.Stop(cont)
	_, _ = os.Stdout.WriteString("reached " + string(p) + "\n")
	<-cont
}

// Actions maps names to actions.
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

// armBy arms the process by one entry of the environment variable.
func armBy(entry string) error {
	f := strings.Split(entry, "=")
	if len(f) != 3 {
		return fmt.Errorf("want point=hit=action")
	}
	n, err := strconv.Atoi(f[1])
	if err != nil || n < 1 {
		return fmt.Errorf("hit %q: want a number from 1", f[1])
	}
	action, ok := Actions[f[2]]
	if !ok {
		return fmt.Errorf("action %q: want kill, stop or hold", f[2])
	}
	Arm(Point(f[0]), n, action)
	return nil
}
