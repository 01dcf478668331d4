package ipc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// peers are the other ends that an endpoint watches: a receiver its senders, a
// sender its receiver. Each is watched in two ways. The kernel tells of the death of
// its process (a pidfd, one a process), so that a sleeping endpoint learns of it
// within a fraction of a millisecond. And its beats are watched by the beats of this
// process: only of an end that has been silent for longer than its own interval is
// the kernel asked. The second way serves where the first can't: in another PID
// namespace, and where descriptors are short.
type peers struct {
	mu      sync.Mutex
	changes uint64 // of the segment when the watches were set, plus one
	by      map[int]*peer
	closed  bool
	// noticed is told of an end that may be dead. It must not block, nor call peers.
	noticed func(slot int)
	every   time.Duration // the endpoint's own interval: others are not looked at more often
}

// peer is one end that is watched.
type peer struct {
	generation uint32
	watch      *process.Watch  // nil: refused
	silence    *heartbeat.Beat // nil: an end of this process
	suspect    atomic.Bool     // it may be dead: ask the kernel
}

// refresh watches exactly the live ends among those, if any has come or gone since
// the last call. It costs some 30 µs for the first end of each process.
func (p *peers) refresh(seg *shm.Segment, ends func(yield func(int, shm.Endpoint) bool)) {
	changes := seg.Changes() + 1
	p.mu.Lock()
	defer p.mu.Unlock()
	if changes == p.changes || p.closed {
		return
	}
	p.changes = changes
	if p.by == nil {
		p.by = map[int]*peer{}
	}
	for i, e := range ends {
		known := p.by[i]
		live, generation := e.Live(), e.Generation()
		if known != nil && (!live || known.generation != generation) {
			known.forget()
			delete(p.by, i)
			known = nil
		}
		if live && known == nil {
			p.by[i] = p.watch(seg, i, e, generation)
		}
	}
}

func (p *peers) watch(seg *shm.Segment, slot int, e shm.Endpoint, generation uint32) *peer {
	one := &peer{generation: generation}
	notice := func() {
		one.suspect.Store(true)
		p.noticed(slot)
	}
	who := e.Owner().Process
	if who == process.Self() {
		return one
	}
	one.watch, _ = process.Await(who, func() {
		seg.Suspect(slot)
		notice()
	})
	_, interval := e.LastBeat()
	beats, at := e.BeatWords()
	interval = max(min(interval, maxHeartbeat), p.every) // a peer's word
	one.silence = heartbeat.Add(heartbeat.Words{At: at, Shared: beats}, interval, "", notice)
	one.silence.Silent()
	return one
}

// suspects yields the ends that may be dead, once for each reason to think so.
func (p *peers) suspects(yield func(slot int) bool) {
	p.mu.Lock()
	var slots []int
	for i, one := range p.by {
		if one.suspect.Swap(false) {
			slots = append(slots, i)
		}
	}
	p.mu.Unlock()
	for _, i := range slots {
		if !yield(i) {
			return
		}
	}
}

// forget ends all watches, for good.
func (p *peers) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.by {
		one.forget()
	}
	p.by, p.closed = nil, true
}

func (p *peer) forget() {
	if p.watch != nil {
		p.watch.Cancel()
	}
	if p.silence != nil {
		p.silence.Remove()
	}
}
