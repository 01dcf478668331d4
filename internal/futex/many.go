package futex

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// waitMany sleeps on any number of words. The kernel takes at most 128 at a time, so a
// longer list is split into pieces, each of which sleeps on a thread of its own: 1000
// words take eight. Each piece also sleeps on stop, which changes when the first piece
// has returned.
func waitMany(d time.Duration, others []Word, own Word, long bool) error {
	words := append([]Word{own}, others...)
	if !CanWaitEither() {
		return waitEach(d, words)
	}
	deadline := monotonic() + int64(min(d, longest))
	if len(words) <= maxVector {
		_, err := waitAny(words, deadline, long)
		return err
	}
	var stop atomic.Uint32
	var pieces sync.WaitGroup
	var first sync.Once
	var outcome error
	sleep := func(piece []Word) {
		_, err := waitAny(append([]Word{{&stop, 0}}, piece...), deadline, long)
		first.Do(func() {
			outcome = err
			stop.Store(1)
			wake(&stop, math.MaxInt32)
		})
	}
	const most = maxVector - 1
	for ; len(words) > most; words = words[most:] {
		piece := words[:most]
		pieces.Go(func() { sleep(piece) })
	}
	sleep(words)
	pieces.Wait()
	return outcome
}

// waitEach implements waitMany on kernels without futex_waitv, with one thread per
// word. When the first has returned, it wakes the others through their words
// repeatedly, since one of them may be about to sleep.
func waitEach(d time.Duration, words []Word) error {
	back := make(chan error, len(words))
	var over atomic.Bool
	for _, w := range words {
		go func() {
			var err error
			if !over.Load() && !w.changed() {
				err = wait(w.At, w.Is, min(d, longest), true)
			}
			back <- err
		}()
	}
	err := <-back
	over.Store(true)
	for n := 1; n < len(words); {
		for _, w := range words {
			wake(w.At, math.MaxInt32)
		}
		select {
		case <-back:
			n++
		case <-time.After(100 * time.Microsecond):
		}
	}
	return err
}
