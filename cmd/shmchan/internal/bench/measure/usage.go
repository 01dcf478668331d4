package measure

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Load is what a process has used up to a time.
type Load struct {
	at    time.Time
	cpu   time.Duration
	wakes uint64
}

// beatThread is the name of the thread that beats for a process's endpoints.
const beatThread = "shmchan-beat"

// LoadNow returns the load of this process. Its wakes are the voluntary context
// switches of all threads, or without beats of all but the heartbeat's. Counting them
// takes processor time, which LoadNow and Since leave out of what they measure.
func LoadNow(beats bool) Load {
	l := Load{wakes: WakesOf("self", beats)}
	l.cpu, l.at = ProcessorTime(), time.Now()
	return l
}

// LoadOf returns the load of another process.
func LoadOf(pid int) Load {
	cpu, _ := processorTimeOf(pid)
	return Load{time.Now(), cpu, WakesOf(strconv.Itoa(pid), true)}
}

// To returns what was used from l until later.
func (l Load) To(later Load) worker.Reply {
	return worker.Reply{Took: later.at.Sub(l.at), CPU: later.cpu - l.cpu, Wakes: later.wakes - min(l.wakes, later.wakes)}
}

// Since returns what this process has used since l.
func (l Load) Since(beats bool) worker.Reply {
	now := Load{at: time.Now(), cpu: ProcessorTime()}
	now.wakes = WakesOf("self", beats)
	return l.To(now)
}

// During sleeps for as long as the step says, and returns what this process used
// between the end of the warm-up and the end. Other goroutines wait meanwhile.
func During(s worker.Step, beats bool) worker.Reply {
	time.Sleep(s.Warm)
	l := LoadNow(beats)
	time.Sleep(s.For)
	return l.Since(beats)
}

// WakesOf counts the voluntary context switches of a process's threads. It can miss
// those of a thread that ends meanwhile.
func WakesOf(pid string, beats bool) (n uint64) {
	tasks, _ := filepath.Glob(filepath.Join("/proc", pid, "task", "*", "status"))
	for _, path := range tasks {
		status, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, name, _ := strings.Cut(string(status), "Name:\t")
		if !beats && strings.HasPrefix(name, beatThread) {
			continue
		}
		_, rest, _ := strings.Cut(name, "\nvoluntary_ctxt_switches:\t")
		count, _, _ := strings.Cut(rest, "\n")
		v, _ := strconv.ParseUint(count, 10, 64)
		n += v
	}
	return n
}

// Descriptors returns the number of open file descriptors of this process.
func Descriptors() float64 {
	fds, _ := os.ReadDir("/proc/self/fd")
	return float64(len(fds))
}
