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
	refused atomic.Bool // futex_waitv is not to be had
}

var shared pool

// shard is one thread and the sleepers that share it. Its thread sleeps on the
// shard's own word too, so that a newcomer can be added to the vector.
type shard struct {
	pool     *pool
	changed  atomic.Uint32
	sleepers []*sleeper // guarded by pool.mu; at most maxVector-1
	running  bool       // guarded by pool.mu
}

type sleeper struct {
	word     *atomic.Uint32
	val      uint32
	deadline int64 // monotonic nanoseconds
	done     chan error
}

var sleepers = sync.Pool{New: func() any { return &sleeper{done: make(chan error, 1)} }}

// usable probes once for futex_waitv: with an empty vector a kernel that has it
// answers EINVAL.
func (p *pool) usable() bool {
	probe.Do(func() {
		if _, err := waitAny(nil, nil, 0); errors.Is(err, errors.ErrUnsupported) {
			p.refused.Store(true)
		}
	})
	return !p.refused.Load()
}

var probe sync.Once

func (p *pool) wait(w *atomic.Uint32, v uint32, d time.Duration) error {
	s := sleepers.Get().(*sleeper)
	s.word, s.val, s.deadline = w, v, monotonic()+int64(d)
	p.add(s)
	err := <-s.done
	s.word = nil
	sleepers.Put(s)
	return err
}

func (p *pool) add(s *sleeper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.shards, func(sh *shard) bool { return len(sh.sleepers) < maxVector-1 })
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
	var words []*atomic.Uint32
	var vals []uint32
	for {
		words, vals = words[:0], vals[:0]
		sh.pool.mu.Lock()
		if len(sh.sleepers) == 0 {
			sh.running = false
			sh.pool.mu.Unlock()
			return
		}
		words, vals = append(words, &sh.changed), append(vals, sh.changed.Load())
		deadline := int64(math.MaxInt64)
		for _, s := range sh.sleepers {
			words, vals = append(words, s.word), append(vals, s.val)
			deadline = min(deadline, s.deadline)
		}
		sh.pool.mu.Unlock()

		woken, err := waitAny(words, vals, deadline)
		sh.release(woken-1, err)
	}
}

// release lets go every sleeper whose word has changed, whose time is over, or
// which is the one that was woken; with an error, all of them.
func (sh *shard) release(woken int, err error) {
	now := monotonic()
	sh.pool.mu.Lock()
	defer sh.pool.mu.Unlock()
	kept := sh.sleepers[:0]
	for i, s := range sh.sleepers {
		if err != nil || i == woken || s.word.Load() != s.val || now >= s.deadline {
			s.done <- err
			continue
		}
		kept = append(kept, s)
	}
	clear(sh.sleepers[len(kept):])
	sh.sleepers = kept
}
