package ipc_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// crowdRole sends messages of the given size, singly or in batches, until its receiver
// has gone. Unless it is quiet, it prints after each send that waited how many bytes
// other senders claimed meanwhile. On "count" it prints how many messages it has sent.
func crowdRole(args []string) int {
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, name, decode(args))
	if err != nil {
		proctest.Say("%s", kind(err))
		return 1
	}
	size, batch := number(args[1]), number(args[2])
	msgs := make([][]byte, batch)
	for i := range msgs {
		msgs[i] = make([]byte, size)
	}
	var sent atomic.Int64
	proctest.Say("ready")
	go func() {
		for line, ok := proctest.Hear(); ok; line, ok = proctest.Hear() {
			if line == "count" {
				proctest.Say("%d", sent.Load())
			}
		}
	}()
	quiet := args[3] == "quiet"
	for {
		before := s.Stats()
		if batch == 1 {
			err = s.Send(ctx, msgs[0])
		} else {
			_, err = s.SendBatch(ctx, msgs)
		}
		if err != nil {
			proctest.Say("done %s", kind(err))
			return 0
		}
		after := s.Stats()
		sent.Add(int64(batch))
		if !quiet && before.Capacity-before.Used < (size+16)*min(batch, 20) {
			// A batch takes less space than separate messages, so this may be negative.
			proctest.Say("passed %d", int64(after.Tail-before.Tail)-int64((size+16)*batch))
		}
	}
}

// startCrowd starts a process that plays crowdRole.
func startCrowd(t testing.TB, o *ipc.Options, size, batch int, how string) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "crowd", encode(t, o), strconv.Itoa(size), strconv.Itoa(batch), how)
	p.Expect("ready")
	return p
}

// receiveEvery receives a message, pauses, and so on, until stop is called or the test
// ends.
func receiveEvery(t testing.TB, r *ipc.Receiver, pause time.Duration) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			if _, err := r.Recv(ctx); err != nil {
				return
			}
			time.Sleep(pause)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(stop)
	return stop
}

// Among senders that never stop, a send of any size waits for at most a ringful and one
// message of each other sender.
func TestBlockedSendGetsItsRoom(t *testing.T) {
	const capacity = 64 << 10
	for _, c := range []struct{ size, batch, others, otherSize int }{
		{512, 1, 1, 64}, {4 << 10, 1, 1, 64}, {32<<10 - 100, 1, 1, 64}, {1000, 4, 2, 1000}, {1000, 250, 2, 1000}, {32 << 10, 1, 3, 0},
	} {
		t.Run(fmt.Sprintf("%d of %d beside %d of %d", c.batch, c.size, c.others, c.otherSize), func(t *testing.T) {
			o := in(t)
			o.Capacity = capacity
			r := newReceiver(t, o)
			var procs []*proctest.Proc
			for range c.others {
				procs = append(procs, startCrowd(t, o, c.otherSize, 1, "quiet"))
			}
			proctest.Eventually(t, "the ring is full", func() bool { return r.Stats().Used > capacity-2*(c.otherSize+16) })
			waiter := startCrowd(t, o, c.size, c.batch, "loud")
			stop := receiveEvery(t, r, 100*time.Microsecond)
			// A batch larger than half the ring is split into several consecutive sends.
			sends := int64(1 + c.batch*(c.size+16)/(capacity/2))
			for range 3 {
				var passed int64
				_, err := fmt.Sscanf(waiter.Line(), "passed %d", &passed)
				require.NoError(t, err)
				require.LessOrEqual(t, passed, sends*(2*capacity+int64(c.others*(c.otherSize+16))))
			}
			stop()
			require.NoError(t, r.Close())
			for _, p := range procs {
				p.Expect("done disconnected")
			}
		})
	}
}

func TestEqualSendersGetEqualShares(t *testing.T) {
	const n = 8
	o := in(t)
	o.Capacity = 4096
	r := newReceiver(t, o)
	var procs []*proctest.Proc
	for range n {
		procs = append(procs, startCrowd(t, o, 100, 1, "quiet"))
	}
	counts := func() (all []int, sum int) {
		for _, p := range procs {
			c, err := strconv.Atoi(p.Ask("count"))
			require.NoError(t, err)
			all, sum = append(all, c), sum+c
		}
		return all, sum
	}
	// Wait until all are in line: each has sent something.
	stop := receiveEvery(t, r, 50*time.Microsecond)
	var before, after []int
	for first := true; first || before[0] == 0; first = false {
		before, _ = counts()
	}
	_, start := counts()
	for sum := start; sum < start+400*n; {
		after, sum = counts()
	}
	stop()
	least, most := after[0]-before[0], after[0]-before[0]
	for i := range after {
		least, most = min(least, after[i]-before[i]), max(most, after[i]-before[i])
	}
	require.LessOrEqual(t, float64(most), 1.5*float64(least)+20, "%v, %v", before, after)
	require.NoError(t, r.Close())
}

// A sender that is stopped or killed anywhere in line, even first, delays the others
// only until they notice.
func TestStoppedOrKilledWaiterDoesNotBlockOthers(t *testing.T) {
	for what, harm := range map[string]func(p *proctest.Proc){
		"stopped": func(p *proctest.Proc) { p.Stop() },
		"killed":  func(p *proctest.Proc) { p.Kill() },
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Capacity, o.Heartbeat = 64<<10, 20*time.Millisecond
			r := newReceiver(t, o)
			filler := newSender(t, o)
			fill(t, filler, make([]byte, 1000))
			// The large sends are first in line: later ones must not take their space.
			var large []*proctest.Proc
			for range 3 {
				p := startSender(t, o)
				require.Equal(t, "blocking", p.Ask("block-send %s", string(make([]byte, 32<<10-100))))
				large = append(large, p)
			}
			small := startSender(t, o)
			require.Equal(t, "blocking", small.Ask("block-send x"))
			proctest.Eventually(t, "all senders wait", func() bool { return r.Stats().Used > 60<<10 })
			for _, p := range large {
				harm(p)
			}
			clock := proctest.StartClock(t)
			_, err := r.TryRecv() // room for the small message, but not for the large ones before it
			require.NoError(t, err)
			small.Expect("sent ok")
			require.Less(t, clock.Now(), 50*o.Heartbeat)
			if what == "killed" {
				return
			}
			for _, p := range large {
				p.Cont()
			}
			receiveEvery(t, r, 0)
			for _, p := range large {
				p.Expect("sent ok")
			}
		})
	}
}

// A sender that only tries, or gives up within a heartbeat, does not check by itself
// whether the first in line is stalled.
func TestStoppedWaiterDoesNotBlockShortAttempts(t *testing.T) {
	for what, send := range map[string]func(s *ipc.Sender) error{
		"TrySend": func(s *ipc.Sender) error { return s.TrySend(make([]byte, 1000)) },
		"Send with a short context": func(s *ipc.Sender) error {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
			defer cancel()
			return s.Send(ctx, make([]byte, 1000))
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Capacity, o.Heartbeat = 64<<10, 20*time.Millisecond
			r := newReceiver(t, o)
			s := newSender(t, o)
			fill(t, s, make([]byte, 1000))
			waiter := startSender(t, o)
			require.Equal(t, "blocking", waiter.Ask("block-send %s", string(make([]byte, 32<<10-100))))
			proctest.Eventually(t, "the waiter is first in line", func() bool {
				if s.TrySend(nil) != nil {
					return true
				}
				_, err := r.TryRecv()
				require.NoError(t, err)
				return false
			})
			waiter.Stop()
			sent := 0
			proctest.Eventually(t, "three ringfuls are sent", func() bool {
				for _, err := range r.Drain() {
					require.NoError(t, err)
				}
				if send(s) == nil {
					sent++
				}
				return sent > 3*64
			})
			waiter.Cont()
			receiveEvery(t, r, 0)
			waiter.Expect("sent ok")
		})
	}
}

// As in a shutdown, contexts are canceled while the Sender is closed.
func TestCloseWhileContextsOfQueuedGoroutinesEnd(t *testing.T) {
	for range 300 {
		s, r := newPairOnce(t, with(in(t), func(o *ipc.Options) { o.Capacity = 4096; o.Heartbeat = slow }))
		fill(t, s, make([]byte, 200))
		ctx, cancel := context.WithCancel(background(t))
		var all []<-chan error
		for range 6 {
			all = append(all, async(func() error { return s.Send(ctx, make([]byte, 200)) }))
		}
		go cancel()
		closed := async(s.Close)
		require.NoError(t, awaitSoon(t, closed))
		for _, c := range all {
			require.Error(t, awaitSoon(t, c))
		}
		require.NoError(t, r.Close())
	}
}

// Goroutines of one Sender queue in order of arrival; only the first waits for room.
func TestGoroutinesOfOneSenderWaitInTheirOrder(t *testing.T) {
	const n = 20
	o := in(t)
	o.Capacity, o.Heartbeat = 4096, slow
	s, r := newPair(t, o)
	filled := fill(t, s, make([]byte, 200))
	var all []<-chan error
	for i := range n {
		all = append(all, async(func() error { return s.Send(background(t), []byte(fmt.Sprintf("%-200d", i))) }))
		proctest.Parked(t, "(*Sender).sendLater", i+1)
	}
	for range filled {
		require.ErrorIs(t, s.TrySend(nil), ipc.ErrFull, "want TrySend not to pass the queue")
		_, err := r.Recv(background(t))
		require.NoError(t, err)
	}
	for i := range n {
		recv(t, r, fmt.Sprintf("%-200d", i))
	}
	for _, c := range all {
		require.NoError(t, awaitSoon(t, c))
	}
}

func TestWaitsEndWithTheirContexts(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat = 4096, slow
	s, r := newPair(t, o)
	fill(t, s, make([]byte, 200))
	waits := map[string]func(ctx context.Context) error{
		"Send":      func(ctx context.Context) error { return s.Send(ctx, make([]byte, 1000)) },
		"SendBatch": func(ctx context.Context) error { _, err := s.SendBatch(ctx, [][]byte{make([]byte, 1000)}); return err },
		"Claim":     func(ctx context.Context) error { _, err := s.Claim(ctx, 1000); return err },
		"Flush":     s.Flush,
	}
	for what, wait := range waits {
		for range 20 {
			ctx, cancel := context.WithTimeout(background(t), time.Millisecond)
			require.ErrorIs(t, wait(ctx), context.DeadlineExceeded, what)
			cancel()
		}
		ctx, cancel := context.WithCancel(background(t))
		c := async(func() error { return wait(ctx) })
		time.Sleep(time.Millisecond)
		cancel()
		require.ErrorIs(t, awaitSoon(t, c), context.Canceled, what)
	}
	// None of the waits left anything behind: the next message goes through.
	_, err := r.Recv(background(t))
	require.NoError(t, err)
	require.NoError(t, s.TrySend([]byte("x")))
}
