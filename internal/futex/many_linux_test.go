package futex

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// eachKernel runs a test on this kernel as it is, and without sleeping on two words.
func eachKernel(t *testing.T, test func(t *testing.T)) {
	usable := shared.usable()
	for _, refused := range []bool{!usable, true} {
		t.Run(fmt.Sprintf("futex_waitv %v", !refused), func(t *testing.T) {
			before := shared.refused.Swap(refused)
			defer shared.refused.Store(before)
			test(t)
		})
	}
}

func TestWaitAnyWakesByEachWord(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 2, 126, 127, 128, 300} {
			if n > 2 && !CanWaitEither() {
				n = 20 // a thread each
			}
			words := make([]atomic.Uint32, n+1)
			own, others := Word{&words[n], 0}, []Word(nil)
			for i := range n {
				others = append(others, Word{&words[i], 0})
			}
			woken := []int{0, n / 2, n}
			if n == 1 && !CanWaitEither() {
				woken = []int{0}
			}
			for _, i := range woken {
				back := make(chan error, 1)
				go func() { back <- WaitAny(long, others, own, false) }()
				for asleep := false; !asleep; {
					select {
					case err := <-back:
						require.NoError(t, err, "the wait did not sleep")
						go func() { back <- WaitAny(long, others, own, false) }() // a signal may cut any single one short
					case <-time.After(time.Millisecond):
						asleep = true
					}
				}
				words[i].Store(1)
				for end := time.Now().Add(long); ; {
					Wake(&words[i], 1)
					select {
					case err := <-back:
						require.NoError(t, err)
					case <-time.After(time.Millisecond):
						require.True(t, time.Now().Before(end), "still asleep")
						continue
					}
					break
				}
				start := time.Now()
				require.NoError(t, WaitAny(long, others, own, false))
				require.Less(t, time.Since(start), long/2, "word %d has changed", i)
				words[i].Store(0)
			}
		}
	})
}

func TestWaitAnyEndsByItself(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 2, 300} {
			if n > 2 && !CanWaitEither() {
				n = 20
			}
			words := make([]atomic.Uint32, n+1)
			var others []Word
			for i := range n {
				others = append(others, Word{&words[i], 0})
			}
			lasts(t, 10*time.Millisecond, func(d time.Duration) error { return WaitAny(d, others, Word{&words[n], 0}, true) })
		}
	})
}

func TestNotifyCallsOnce(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		words := make([]atomic.Uint32, 300)
		if !CanWaitEither() {
			words = words[:51]
		}
		calls := make([]atomic.Int32, len(words))
		notices := make([]*Notice, len(words))
		for i := range words {
			notices[i] = Notify(Word{&words[i], 0}, func() { calls[i].Add(1) })
		}
		called := func(i int) func() bool {
			return func() bool { return calls[i].Load() == 1 }
		}
		for i := 0; i < len(words); i += 50 {
			words[i].Store(1)
			Wake(&words[i], 1)
			require.Eventually(t, called(i), long, time.Millisecond)
		}
		at := Notify(Word{&words[0], 0}, func() { calls[0].Add(1) })
		require.Eventually(t, func() bool { return calls[0].Load() == 2 }, long, time.Millisecond, "a word that differs already")
		at.Cancel(Word{&words[0], 0})
		for i := range words {
			notices[i].Cancel(Word{&words[i], 0})
			notices[i].Cancel(Word{&words[i], 0})
			require.LessOrEqual(t, calls[i].Load(), int32(2))
		}
	})
}
