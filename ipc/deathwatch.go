package ipc

import (
	"sync"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// deathWatch asks the kernel to tell of the deaths of other ends' processes, so
// that a sleeping end learns of one within a fraction of a millisecond. Where the
// kernel can't (another PID namespace), the sleep's bound, a heartbeat, serves, and
// for a process that is dumping core, which ends only once the dump is written.
type deathWatch struct {
	mu      sync.Mutex
	changes uint64 // of the segment when the watches were set
	by      map[int]watched
}

type watched struct {
	generation uint32
	watch      *process.Watch
}

// update watches exactly the live ends among those, by slot (the receiver's: -1), if
// any has come or gone since the last call. It costs some 30 µs for each newcomer.
func (d *deathWatch) update(seg *shm.Segment, ends func(yield func(int, shm.End) bool), poke func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	changes := seg.Changes()
	if changes == d.changes && d.by != nil {
		return
	}
	d.changes = changes
	if d.by == nil {
		d.by = map[int]watched{}
	}
	for i, e := range ends {
		w, known := d.by[i]
		live, generation := e.Live(), e.Generation()
		if known && (!live || w.generation != generation) {
			w.cancel()
			delete(d.by, i)
			known = false
		}
		if !live || known {
			continue
		}
		w = watched{generation: generation}
		if who := e.Owner().Process; who != process.Self() {
			w.watch, _ = process.Await(who, func() { // refused: the heartbeat does it
				seg.Suspect(i)
				poke()
			})
		}
		d.by[i] = w
	}
}

func (d *deathWatch) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.by {
		w.cancel()
	}
	d.by = nil
}

func (w watched) cancel() {
	if w.watch != nil {
		w.watch.Cancel()
	}
}
