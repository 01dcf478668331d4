package shm

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shmchan/shmchan/internal/process"
)

// A slot changes owners while it is read: readers name the owner of that time, or
// none.
func TestOwnerAtIsNeverTheNextOne(t *testing.T) {
	const owners = 300_000
	var s slot
	var latest atomic.Uint64 // owner i attached when tail was 8 * i; its pid is i
	s.occupy(Owner{Process: process.Identity{PID: 1}}, 8, 0, 0)
	latest.Store(1)
	var attaching sync.WaitGroup
	attaching.Go(func() {
		for i := uint64(2); i <= owners; i++ {
			s.occupy(Owner{Process: process.Identity{PID: int(i)}}, 8*i, 0, 0)
			latest.Store(i)
		}
	})
	for i := uint64(0); i < owners; {
		i = latest.Load()
		if pid := s.ownerAt(8 * i); pid != 0 && pid != int(i) {
			t.Errorf("at position %d the owner was %d, not %d", 8*i, i, pid)
			break
		}
	}
	attaching.Wait()
}
