package ipc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// peers are the endpoints that an endpoint watches: a receiver watches its senders,
// a sender its receiver. Each is watched in two ways. The kernel reports the death
// of its process (one pidfd for each process), so a sleeping endpoint learns of it
// within a fraction of a millisecond. The heartbeats of this process also compare
// its beats, and ask the kernel only about an endpoint that has been silent for
// longer than its own interval. The second way serves where the first can't: in
// another PID namespace, or if descriptors are short.
type peers struct {
	mu      sync.Mutex
	changes uint64 // Segment.Changes when the watches were set, plus one
	by      map[int]*peer
	closed  bool
	// noticed is called with the slot of an endpoint that may be dead. It must not
	// block, nor call methods of peers.
	noticed func(slot int)
	every   time.Duration // the endpoint's own interval: peers are not checked more often
}

// peer is one watched endpoint.
type peer struct {
	generation uint32
	watch      *process.Watch  // nil: refused by the kernel, or an endpoint of this process
	silence    *heartbeat.Beat // nil: an endpoint of this process
	suspect    atomic.Bool     // it may be dead: ask the kernel
}

// refresh makes p watch exactly the live ones of endpoints, if any endpoint has come
// or gone since the last call. It costs about 30 µs for the first endpoint of each
// process.
func (p *peers) refresh(seg *shm.Segment, endpoints func(yield func(int, shm.Endpoint) bool)) {
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
	for i, e := range endpoints {
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
	interval = max(min(interval, maxHeartbeat), p.every) // bounded: a peer wrote it
	one.silence = heartbeat.Add(heartbeat.Words{At: at, Shared: beats}, interval, "", notice)
	one.silence.Silent()
	return one
}

// suspects yields the slots of endpoints that may be dead, and clears the suspicion.
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

// forget ends all watches for good.
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
