package shm

import (
	"github.com/shmchan/shmchan/internal/futex"

	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// numbered returns the i-th message of a sender: who and i, followed by bytes
// derived from both, so that a torn message is detected.
func numbered(buf []byte, who, i int) []byte {
	n := 8 + (i*37+who*11)%300
	b := binary.LittleEndian.AppendUint32(buf[:0], uint32(who))
	b = binary.LittleEndian.AppendUint32(b, uint32(i))
	for len(b) < n {
		b = append(b, byte(who+i+len(b)))
	}
	return b
}

// whose checks that a message is whole, and returns its sender and number.
func whose(t *testing.T, buf, msg []byte) (who, i int) {
	t.Helper()
	require.GreaterOrEqual(t, len(msg), 8)
	who, i = int(binary.LittleEndian.Uint32(msg)), int(binary.LittleEndian.Uint32(msg[4:]))
	want := numbered(buf, who, i)
	if string(want) != string(msg) {
		require.Equal(t, want, msg)
	}
	return who, i
}

// crowd is a ring that several senders use at once. Endpoints that find nothing to
// do sleep, so that the others can run.
type crowd struct {
	*Ring
	p    []*Producer
	c    *Consumer
	wg   sync.WaitGroup
	over atomic.Bool // the test has failed
	errs [senders]error
}

var errOver = errors.New("the test is over")

const nap = 5 * time.Millisecond

// newCrowd runs send for each sender. The senders always stop when the test ends.
func newCrowd(t *testing.T, r *Ring, send func(cr *crowd, who int) error) *crowd {
	cr := &crowd{Ring: r}
	cr.p, cr.c = ends(t, r)
	for who := range cr.p {
		cr.wg.Go(func() { cr.errs[who] = send(cr, who) })
	}
	t.Cleanup(func() {
		cr.over.Store(true)
		cr.wg.Wait()
	})
	return cr
}

// try calls send until there is room.
func (cr *crowd) try(p *Producer, send func() error) error {
	for !cr.over.Load() {
		err := send()
		if err == ErrFull {
			p.Join(0, 0)
			b := p.waiter.Announce()
			if err = send(); err == ErrFull {
				_ = futex.Wait(p.waiter.Doorbell(), b, nap)
				continue
			}
		}
		p.Notify()
		return err
	}
	return errOver
}

// next waits for the next message.
func (cr *crowd) next(t *testing.T) []byte {
	t.Helper()
	b := cr.Doorbell()
	for deadline := time.Now().Add(proctest.Patience); ; {
		seq := b.Seq()
		msg, err := cr.c.Next()
		if err == nil {
			return msg
		}
		require.ErrorIs(t, err, ErrEmpty)
		require.False(t, time.Now().After(deadline), "nothing comes any more")
		cr.c.Release()
		b.Announce()
		if !cr.c.Ready() {
			_ = b.Sleep(seq, nap)
		}
		b.Retract()
	}
}

// finish checks that no message is left.
func (cr *crowd) finish(t *testing.T) {
	t.Helper()
	cr.wg.Wait()
	for _, err := range cr.errs {
		require.NoError(t, err)
	}
	cr.c.Release()
	requireIdle(t, cr.c)
	require.Equal(t, cr.Tail(), cr.Head())
}

// sendNumbered sends messages 0 to n-1, alternating between all ways to send.
func (cr *crowd) sendNumbered(who, n int) error {
	p := cr.p[who]
	var bufs [4][]byte
	for i := 0; i < n; {
		sent := 1
		var err error
		switch {
		case i%7 == 3: // a claim that comes to nothing, and one that is filled in place
			err = cr.try(p, func() error {
				_, err := p.Claim(i % 90)
				if err == nil {
					p.Abort()
				}
				return err
			})
			if err != nil {
				return err
			}
			bufs[0] = numbered(bufs[0], who, i)
			err = cr.try(p, func() error {
				b, err := p.Claim(len(bufs[0]))
				if err == nil {
					copy(b, bufs[0])
					p.Commit()
				}
				return err
			})
		case i%5 == 1:
			batch := bufs[:min(len(bufs), n-i)]
			for j := range batch {
				batch[j] = numbered(batch[j], who, i+j)
			}
			err = cr.try(p, func() (err error) { sent, err = p.PutBatch(batch); return err })
		default:
			bufs[0] = numbered(bufs[0], who, i)
			err = cr.try(p, func() error { return p.Put(bufs[0]) })
		}
		if err != nil {
			return err
		}
		i += sent
	}
	return nil
}

func TestSendersAtOnceLoseRepeatAndTearNothing(t *testing.T) {
	const each = 1000
	onBothFrom(t, func(t *testing.T, r *Ring) {
		cr := newCrowd(t, r, func(cr *crowd, who int) error { return cr.sendNumbered(who, each) })
		var next [senders]int
		var buf []byte
		for got := range senders * each {
			who, i := whose(t, buf, cr.next(t))
			require.Equal(t, next[who], i, "sender %d", who)
			require.Equal(t, who, cr.c.Origin().Slot)
			next[who]++
			if got%3 == 0 {
				cr.c.Release()
			}
		}
		cr.finish(t)
		require.EqualValues(t, senders*each, r.ctl.received.Load())
	})
}

// If a send returned before another began, it is received first, whichever senders
// they are of.
func TestSendsHandedFromSenderToSenderComeInThatOrder(t *testing.T) {
	const total = 3000
	onBoth(t, func(t *testing.T, r *Ring) {
		turn := make(chan int, 1)
		turn <- 0
		cr := newCrowd(t, r, func(cr *crowd, who int) error {
			for i := range turn {
				if err := cr.try(cr.p[who], func() error { return cr.p[who].Put(numbered(nil, 0, i)) }); err != nil {
					close(turn)
					return err
				}
				if i+1 == total {
					close(turn)
					break
				}
				turn <- i + 1 // to whichever comes first
			}
			return nil
		})
		var buf []byte
		for want := range total {
			_, i := whose(t, buf, cr.next(t))
			require.Equal(t, want, i)
			cr.c.Release()
		}
		cr.finish(t)
	})
}
