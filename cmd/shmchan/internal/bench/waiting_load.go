package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// load is what a process has used.
type load struct {
	at    time.Time
	cpu   time.Duration
	wakes uint64
}

// beatThread is the name of the thread that beats for a process's endpoints.
const beatThread = "shmchan-beat"

// loadNow is that of this process. Its wakes are the voluntary context switches of
// all its threads, or of those that do not beat. To count them costs time of its own,
// which lies outside what is measured, here and in since.
func loadNow(beats bool) load {
	l := load{wakes: wakesOf("self", beats)}
	l.cpu, l.at = processorTime(), time.Now()
	return l
}

// since is what was used since then.
func (l load) since(beats bool) reply {
	now := load{at: time.Now(), cpu: processorTime()}
	now.wakes = wakesOf("self", beats)
	return reply{Took: now.at.Sub(l.at), CPU: now.cpu - l.cpu, Wakes: now.wakes - min(l.wakes, now.wakes)}
}

// during is what this process uses from the end of the warm-up on, while something
// else waits in it.
func during(s step, beats bool) reply {
	time.Sleep(s.Warm)
	l := loadNow(beats)
	time.Sleep(s.For)
	return l.since(beats)
}

// wakesOf counts the voluntary context switches of a process's threads. Of a thread
// that ends meanwhile it may miss some.
func wakesOf(pid string, beats bool) (n uint64) {
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

// descriptors counts those of this process.
func descriptors() float64 {
	fds, _ := os.ReadDir("/proc/self/fd")
	return float64(len(fds))
}

// samples collects times.
type samples struct{ h *hdrhistogram.Histogram }

func newSamples() samples { return samples{hdrhistogram.New(1, int64(10*longest), 3)} }

func (s samples) add(d time.Duration) { _ = s.h.RecordValue(min(max(int64(d), 1), int64(10*longest))) }

// into puts them into a reply.
func (s samples) into(r reply) (reply, error) {
	raw, err := s.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	r.Count, r.Hist = uint64(s.h.TotalCount()), raw
	return r, err
}

// pacer lets a receiver take a message each time that so much has passed, or after so
// much work.
type pacer struct {
	every, work time.Duration
	next        time.Time
}

func newPacer(s spec) *pacer { return &pacer{every: s.Every, work: s.Work, next: time.Now()} }

// pause comes before each message.
func (p *pacer) pause() {
	if p.every > 0 {
		p.next = p.next.Add(p.every)
		time.Sleep(time.Until(p.next))
		if now := time.Now(); now.After(p.next) { // late: not made up for
			p.next = now
		}
	}
	for start := time.Now(); time.Since(start) < p.work; {
	}
}
