package heartbeat

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/process"
)

const (
	fast     = 2 * time.Millisecond
	patience = 30 * time.Second
)

// words are the words of one endpoint.
type words struct {
	beats  atomic.Uint64
	at     atomic.Int64
	shared atomic.Uint64
	line   atomic.Uint64
	ticks  atomic.Int32
}

func (w *words) words() Words { return Words{&w.beats, &w.at, &w.shared, &w.line} }

func (w *words) tick() { w.ticks.Add(1) }

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(100 * time.Microsecond) {
		require.True(t, time.Now().Before(deadline), what)
	}
}

// passes waits until n more beats have passed.
func (w *words) passes(t *testing.T, n uint64) {
	t.Helper()
	from := w.beats.Load()
	eventually(t, "it beats", func() bool { return w.beats.Load() >= from+n })
}

// walkers are both ways to walk; what holds for one holds for the other.
var walkers = []struct {
	name     string
	threaded bool
}{{"by the thread", true}, {"by a goroutine", false}}

// both runs a test with either walker.
func both(t *testing.T, fn func(t *testing.T)) {
	for _, w := range walkers {
		t.Run(w.name, func(t *testing.T) {
			forbidThread.Store(!w.threaded)
			defer forbidThread.Store(false)
			fn(t)
			require.Empty(t, all.beats)
		})
	}
}

func add(t *testing.T, w *words, every time.Duration) *Beat {
	t.Helper()
	b := Add(w.words(), every, "", w.tick)
	t.Cleanup(b.Remove)
	return b
}

func TestBeatsUntilRemoved(t *testing.T) {
	both(t, func(t *testing.T) {
		var w, slow words
		b := add(t, &w, fast)
		c := add(t, &slow, time.Hour)
		w.passes(t, 5)
		require.EqualValues(t, 1, slow.beats.Load(), "the first beat comes at once")
		at := w.at.Load()
		now := process.Monotonic()
		require.LessOrEqual(t, at, now)
		require.Greater(t, at, now-int64(patience))
		b.Remove()
		before := w.beats.Load()
		d := add(t, new(words), fast) // keeps the walker running
		time.Sleep(5 * fast)
		require.Equal(t, before, w.beats.Load())
		b.Remove()
		c.Remove()
		d.Remove()
	})
}

// inOneTry tries until it succeeds.
func inOneTry(t *testing.T, try func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !try(); {
		require.True(t, time.Now().Before(end), "failed in every try")
	}
}

// stand arms the beat, and returns when it has ticked because the line stands still.
func (w *words) stand(t *testing.T, b *Beat, line uint64) {
	w.line.Store(line)
	b.Stands()
	eventually(t, "it ticks", func() bool { return w.ticks.Load() > 0 })
}

// Progress means that both words move.
func TestLineThatMovesDoesNotStand(t *testing.T) {
	both(t, func(t *testing.T) {
		var w words
		e := Beat{}
		e.entry.init(w.words(), time.Millisecond, "")
		e.Stands()
		for now := int64(1e9); now < 2e9; now += 1e6 {
			w.line.Add(1)
			w.shared.Add(1)
			require.False(t, e.entry.beat(now, 0))
		}
	})
}

func TestTicks(t *testing.T) {
	tests := []struct {
		name string
		arm  func(*words, *Beat)
		// quiet makes a change that must not tick, then due one that must.
		quiet, due func(*words)
	}{
		{"when the word differs",
			func(w *words, b *Beat) { w.shared.Store(7); b.Differs(7) },
			func(w *words) { w.line.Store(3) },
			func(w *words) { w.shared.Store(6) }},
		{"when the word reaches the value",
			func(w *words, b *Beat) { w.shared.Store(1<<64 - 5); b.Reaches(2) },
			func(w *words) { w.shared.Store(1) },
			func(w *words) { w.shared.Store(2) }},
		{"when the line is empty",
			func(w *words, b *Beat) { w.stand(t, b, 1) },
			func(*words) {},
			func(w *words) { w.line.Store(0) }},
		{"once when the line has stopped",
			func(w *words, b *Beat) { w.stand(t, b, 1) },
			func(*words) {},
			func(w *words) { w.line.Store(2) }},
		{"when the line stands while the word moves",
			func(w *words, b *Beat) { w.stand(t, b, 1) },
			func(*words) {},
			func(w *words) { w.shared.Add(1) }},
		{"when the line changes",
			func(w *words, b *Beat) { w.line.Store(9); b.Changes() },
			func(w *words) { w.shared.Store(6) },
			func(w *words) { w.line.Store(8) }},
		{"when the line lingers",
			func(w *words, b *Beat) { b.Lingers() },
			func(w *words) { w.shared.Store(6) },
			func(w *words) { w.line.Store(8) }},
	}
	both(t, func(t *testing.T) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				// A late beat ticks in any case, and a tick may be late: so a change
				// that must not tick has to pass in only one of many tries.
				inOneTry(t, func() bool {
					var w words
					b := add(t, &w, 20*time.Millisecond)
					defer b.Remove()
					tt.arm(&w, b)
					w.passes(t, 2) // the current state has been seen
					w.ticks.Store(0)
					tt.quiet(&w)
					w.passes(t, 1)
					quiet := w.ticks.Load() == 0
					w.passes(t, 2)
					w.ticks.Store(0)
					tt.due(&w)
					eventually(t, "it ticks", func() bool { return w.ticks.Load() > 0 })
					b.Disarm()
					w.passes(t, 2)
					w.ticks.Store(0)
					w.shared.Add(100)
					if !strings.Contains(tt.name, "changes") { // that is permanent
						w.line.Store(0)
					}
					w.passes(t, 2)
					return quiet && w.ticks.Load() == 0
				})
			})
		}
	})
}

func TestTicksWhileAnotherIsSilent(t *testing.T) {
	both(t, func(t *testing.T) {
		var w words
		w.at.Store(process.Monotonic())
		b := Add(Words{At: &w.at, Shared: &w.shared}, fast, "", w.tick)
		b.Silent()
		eventually(t, "it ticks", func() bool { return w.ticks.Load() > 1 })
		w.at.Store(1 << 62) // an impossible value counts as silence
		require.Zero(t, w.beats.Load(), "the walker does not beat for the other")
		b.Remove()
	})
}

func TestAfterTicksOnce(t *testing.T) {
	both(t, func(t *testing.T) {
		var w words
		b := add(t, &w, fast)
		defer b.Remove()
		inOneTry(t, func() bool { // a late beat ticks, too
			w.passes(t, 1)
			w.ticks.Store(0)
			from := w.beats.Load()
			b.After(3)
			eventually(t, "it ticks", func() bool { return w.ticks.Load() > 0 })
			soon := w.beats.Load() < from+3
			w.passes(t, 3)
			return !soon && w.ticks.Load() == 1
		})
	})
}

func TestTicksWhenTheFileAtAPathChanges(t *testing.T) {
	both(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "d")
		var w words
		b := Add(w.words(), fast, dir, w.tick)
		defer b.Remove()
		for what, change := range map[string]func() error{
			"a file is made":           func() error { return os.WriteFile(filepath.Join(dir, "f"), nil, 0o600) },
			"a file is renamed":        func() error { return os.Rename(filepath.Join(dir, "f"), filepath.Join(dir, "g")) },
			"a file is removed":        func() error { return os.Remove(filepath.Join(dir, "f")) },
			"the directory is renamed": func() error { return os.Rename(dir, dir+"2") },
			"the directory is another": func() error {
				if err := os.Mkdir(dir+"3", 0o700); err != nil {
					return err
				}
				if err := os.Rename(dir, dir+"2"); err != nil {
					return err
				}
				return os.Rename(dir+"3", dir)
			},
		} {
			inOneTry(t, func() bool {
				require.NoError(t, os.RemoveAll(dir))
				require.NoError(t, os.RemoveAll(dir+"2"))
				require.NoError(t, os.Mkdir(dir, 0o700))
				if !strings.Contains(what, "made") {
					require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o600))
				}
				time.Sleep(20 * time.Millisecond) // file times have the resolution of the kernel's tick
				w.passes(t, 3)
				w.ticks.Store(0)
				w.passes(t, 3)
				if w.ticks.Load() != 0 { // a late beat
					return false
				}
				require.NoError(t, change(), what)
				eventually(t, what, func() bool { return w.ticks.Load() > 0 })
				return true
			})
		}
	})
}

func TestWordsMayBeUnmappedAfterRemove(t *testing.T) {
	both(t, func(t *testing.T) {
		keep := add(t, new(words), time.Millisecond)
		for range 200 {
			mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
			require.NoError(t, err)
			b := Add(wordsIn(mem), time.Millisecond, "", func() {})
			b.Differs(1)
			runtime.Gosched()
			b.Remove()
			require.NoError(t, unix.Munmap(mem))
		}
		keep.Remove()
	})
}

// threadName reports whether this process has the thread.
func hasThread(t *testing.T) bool {
	names, err := filepath.Glob("/proc/self/task/*/comm")
	require.NoError(t, err)
	for _, name := range names {
		if comm, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(comm)) == "shmchan-beat" {
			return true
		}
	}
	return false
}

func TestTheThreadIsThereWhileItIsNeeded(t *testing.T) {
	for range 20 {
		var w words
		b := add(t, &w, fast)
		w.passes(t, 1)
		require.True(t, hasThread(t))
		runtime.GC() // stops the world, but not the thread
		b.Remove()
		require.False(t, hasThread(t))
	}
}

func TestManyComeAndGoWhileTheThreadWalks(t *testing.T) {
	both(t, func(t *testing.T) {
		const goroutines, each = 8, 50
		errs := make(chan error, goroutines)
		for range goroutines {
			go func() {
				for range each {
					var w words
					b := Add(w.words(), time.Millisecond, "", w.tick)
					b.After(1)
					for deadline := time.Now().Add(patience); w.ticks.Load() == 0; runtime.Gosched() {
						if time.Now().After(deadline) {
							errs <- fmt.Errorf("no tick")
							b.Remove()
							return
						}
					}
					b.Remove()
				}
				errs <- nil
			}()
		}
		for range goroutines {
			require.NoError(t, <-errs)
		}
	})
}
