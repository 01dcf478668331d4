package order

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStoreIsSeen(t *testing.T) {
	var w atomic.Uint64
	Store64(&w, 42)
	require.EqualValues(t, 42, w.Load())
}

// Message passing: a reader that sees the flag must see the data stored before it.
func TestStorePublishesWhatCameBefore(t *testing.T) {
	const rounds = 200_000
	var data [8]uint64
	var flag, ack atomic.Uint64
	done := make(chan int)
	go func() {
		bad := 0
		for i := uint64(1); i <= rounds; i++ {
			for flag.Load() != i {
				runtime.Gosched()
			}
			for _, d := range data {
				if d != i {
					bad++
				}
			}
			ack.Store(i)
		}
		done <- bad
	}()
	for i := uint64(1); i <= rounds; i++ {
		for j := range data {
			data[j] = i
		}
		Store64(&flag, i)
		for ack.Load() != i {
			runtime.Gosched()
		}
	}
	require.Zero(t, <-done)
}
