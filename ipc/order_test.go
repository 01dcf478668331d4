package ipc_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestMessagesOfOneSenderKeepTheirOrder(t *testing.T) {
	s, r := newPair(t, in(t))
	for i := range 10_000 {
		send(t, s, strconv.Itoa(i))
	}
	for i := range 10_000 {
		msg, err := r.TryRecv()
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(i), string(msg))
	}
	requireEmpty(t, r)
}

func TestSendsOneAfterAnotherInOneProcessKeepTheirOrder(t *testing.T) {
	o := in(t)
	a, r := newPair(t, o)
	b := newSender(t, o)
	for i := range 500 {
		send(t, a, fmt.Sprint("a", i))
		send(t, b, fmt.Sprint("b", i))
	}
	for i := range 500 {
		recv(t, r, fmt.Sprint("a", i), fmt.Sprint("b", i))
	}
}

func TestSendsOneAfterAnotherInDifferentProcessesKeepTheirOrder(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	procs := []*proctest.Proc{startSender(t, o), startSender(t, o), startSender(t, o)}
	for i := range 150 {
		// The answer means that Send has returned before the next one begins.
		require.Equal(t, "ok", procs[i%3].Ask("send %d", i))
	}
	for i := range 150 {
		recv(t, r, strconv.Itoa(i))
	}
}

func TestManyProcessesLoseAndRepeatNothing(t *testing.T) {
	const procs, each = 4, 2000
	o := in(t)
	o.Capacity = 16 << 10 // small, so that the senders fill it repeatedly
	r := newReceiver(t, o)
	children := map[string]*proctest.Proc{}
	for range procs {
		p := startSender(t, o)
		children[strconv.Itoa(p.Pid())] = p
		p.Tell("many %d", each)
	}
	next := map[string]int{}
	for range procs * each {
		msg, err := r.Recv(background(t))
		require.NoError(t, err)
		sender, _, _ := strings.Cut(string(msg), "-")
		require.Contains(t, children, sender)
		require.Equal(t, numbered(sender, next[sender]), string(msg), "order of one sender's messages")
		next[sender]++
	}
	for _, p := range children {
		p.Expect("ok")
	}
	requireEmpty(t, r)
	require.Equal(t, uint64(procs*each), r.Stats().Messages)
}

// With a heartbeat of a minute and no spinning, a single lost wake-up stops the test.
func TestNoWakeUpIsLostBetweenGoroutines(t *testing.T) {
	const rounds = 3000
	ping, pong := in(t), in(t)
	for _, o := range []*ipc.Options{ping, pong} {
		o.Heartbeat, o.Spin = slow, -1
	}
	toB, fromA := newPair(t, ping)
	toA, fromB := newPair(t, pong)
	ctx := background(t)
	echoed := async(func() error {
		for range rounds {
			msg, err := fromA.Recv(ctx)
			if err != nil {
				return err
			}
			if err := toA.Send(ctx, msg); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range rounds {
		require.NoError(t, toB.Send(ctx, []byte(strconv.Itoa(i))))
		recv(t, fromB, strconv.Itoa(i))
	}
	require.NoError(t, await(t, echoed))
}

func TestNoWakeUpIsLostBetweenProcesses(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	p := startReceiver(t, o)
	p.Tell("echo")
	s := newSender(t, o)
	for i := range 1000 {
		require.NoError(t, s.Send(background(t), []byte(strconv.Itoa(i))))
		p.Expect(strconv.Itoa(i) + " ok")
	}
	require.NoError(t, s.Close())
	p.Expect("end")
	require.Equal(t, "ok", p.Ask("close"))
}

func TestNoWakeUpForRoomIsLost(t *testing.T) {
	const senders, each = 3, 1000
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	r := newReceiver(t, o)
	ctx := background(t)
	var done []<-chan error
	for range senders {
		s := newSender(t, o)
		done = append(done, async(func() error { return sendEach(ctx, s, each) }))
	}
	for range senders * each {
		_, err := r.Recv(ctx)
		require.NoError(t, err)
	}
	for _, d := range done {
		require.NoError(t, await(t, d))
	}
	requireEmpty(t, r)
}

// sendEach sends n messages, two of which fill a ring of one page.
func sendEach(ctx context.Context, s *ipc.Sender, n int) error {
	msg := make([]byte, 1800)
	for range n {
		if err := s.Send(ctx, msg); err != nil {
			return err
		}
	}
	return nil
}

func TestSpinningEndpointsHandOverTheSameMessages(t *testing.T) {
	for _, spin := range []time.Duration{-1, 0, 50 * time.Microsecond} {
		o := in(t)
		o.Capacity = 4096
		o.Spin = spin
		s, r := newPair(t, o)
		ctx := background(t)
		sent := async(func() error {
			for i := range 5000 {
				if err := s.Send(ctx, []byte(numbered("s", i))); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range 5000 {
			msg, err := r.Recv(ctx)
			require.NoError(t, err)
			require.Equal(t, numbered("s", i), string(msg))
		}
		require.NoError(t, await(t, sent))
	}
}
