package futex

import (
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pool lends threads to sleepers that have none of their own.
type pool struct {
	mu      sync.Mutex
	shards  []*shard
	refused atomic.Bool // futex_waitv is missing or refused
}

var shared pool

// shard is one thread and the sleepers that share it. The thread also sleeps on the
// shard's own word, which changes when a sleeper is added or removed.
type shard struct {
	pool     *pool
	changed  atomic.Uint32
	sleepers []*sleeper // guarded by pool.mu; with at most maxVector-1 words in total
	running  bool       // guarded by pool.mu
}

// sleeper waits until one of its words changes.
type sleeper struct {
	on       [2]Word
	n        int   // number of words in use
	deadline int64 // monotonic nanoseconds
	done     chan error
	notify   func() // if not nil, called instead of a send on done
}

func (s *sleeper) words() []Word { return s.on[:s.n] }

func (s *sleeper) changed() bool { return slices.ContainsFunc(s.words(), Word.changed) }

var sleepers = sync.Pool{New: func() any { return &sleeper{done: make(chan error, 1)} }}

// usable reports whether futex_waitv works. It probes once with an empty vector, for
// which a kernel that has the call returns EINVAL.
func (p *pool) usable() bool {
	probe.Do(func() {
		if _, err := waitAny(nil, 0, false); errors.Is(err, errors.ErrUnsupported) {
			p.refused.Store(true)
		}
	})
	return !p.refused.Load()
}

var probe sync.Once

func (p *pool) wait(d time.Duration, on ...Word) error {
	s := sleepers.Get().(*sleeper)
	s.n, s.deadline = copy(s.on[:], on), monotonic()+int64(d)
	p.add(s)
	err := <-s.done
	s.on = [2]Word{}
	sleepers.Put(s)
	return err
}

func (p *pool) add(s *sleeper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.shards, func(sh *shard) bool { return sh.words() < maxVector-len(s.on) })
	if i < 0 {
		p.shards = append(p.shards, &shard{pool: p})
		i = len(p.shards) - 1
	}
	sh := p.shards[i]
	sh.sleepers = append(sh.sleepers, s)
	if !sh.running {
		sh.running = true
		go sh.run()
		return
	}
	sh.changed.Add(1)
	wake(&sh.changed, 1)
}

// run sleeps for all of the shard's sleepers until none is left.
func (sh *shard) run() {
	var words []Word
	long := true
	for {
		words = words[:0]
		sh.pool.mu.Lock()
		if len(sh.sleepers) == 0 {
			sh.running = false
			sh.pool.mu.Unlock()
			return
		}
		words = append(words, Word{&sh.changed, sh.changed.Load()})
		deadline := int64(math.MaxInt64)
		for _, s := range sh.sleepers {
			words = append(words, s.words()...)
			deadline = min(deadline, s.deadline)
		}
		sh.pool.mu.Unlock()

		start := monotonic()
		woken, err := waitAny(words, deadline, long)
		long = monotonic()-start > int64(4*time.Millisecond)
		var on *atomic.Uint32
		if woken > 0 {
			on = words[woken].At
		}
		sh.release(on, err)
	}
}

// words returns how many words the shard's sleepers wait for. Precondition: pool.mu is
// held.
func (sh *shard) words() (n int) {
	for _, s := range sh.sleepers {
		n += s.n
	}
	return n
}

// release ends the wait of each sleeper that has a changed or woken word or whose
// deadline has passed. If err is not nil, it ends every wait.
func (sh *shard) release(woken *atomic.Uint32, err error) {
	now := monotonic()
	var notify []func()
	sh.pool.mu.Lock()
	kept := sh.sleepers[:0]
	for _, s := range sh.sleepers {
		on := func(w Word) bool { return w.At == woken }
		switch {
		case err == nil && !s.changed() && now < s.deadline && !slices.ContainsFunc(s.words(), on):
			kept = append(kept, s)
		case s.notify != nil:
			notify = append(notify, s.notify)
		default:
			s.done <- err
		}
	}
	clear(sh.sleepers[len(kept):])
	sh.sleepers = kept
	sh.pool.mu.Unlock()
	for _, f := range notify {
		f()
	}
}

// remove removes a sleeper if it is still waiting. The shard's thread may still sleep
// on its words, but Go code no longer reads them.
func (p *pool) remove(s *sleeper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, sh := range p.shards {
		if i := slices.Index(sh.sleepers, s); i >= 0 {
			sh.sleepers = slices.Delete(sh.sleepers, i, i+1)
			sh.changed.Add(1)
			wake(&sh.changed, 1)
			return
		}
	}
}
