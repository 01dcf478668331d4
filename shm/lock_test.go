package shm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReceiverIsExclusive(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1})
	first, second := reopen(t, s), reopen(t, s)
	requireReceiver := func(want bool) {
		t.Helper()
		alive, err := s.ReceiverAlive()
		require.NoError(t, err)
		require.Equal(t, want, alive)
	}
	requireReceiver(false)
	requireLock(t, first, true)
	first.AttachReceiver(Owner{Label: "r"}, time.Second)
	requireReceiver(true)
	requireLock(t, second, false)
	require.True(t, s.ReceiverEndpoint().Live())
	require.Equal(t, "r", s.ReceiverEndpoint().Owner().Label)
	require.EqualValues(t, 1, s.ReceiverAttachments())

	require.NoError(t, first.DetachReceiver())
	require.False(t, s.ReceiverEndpoint().Live())
	requireLock(t, second, true)
	die(t, second)
	requireReceiver(false)
	requireLock(t, first, true)
}

func TestReceiverCountsWhatItTookItself(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1})
	p, c := ends(t, s.Ring())
	put(t, p[0], "abc", "de")
	take(t, c, "abc")
	c.Release()
	s.AttachReceiver(Owner{}, 1)
	take(t, c, "de")
	c.Release()
	messages, bytes := s.ReceiverEndpoint().Counts()
	require.EqualValues(t, 1, messages)
	require.EqualValues(t, 2, bytes)
	messages, bytes = s.SenderEndpoint(0).Counts()
	require.EqualValues(t, 2, messages)
	require.EqualValues(t, 5, bytes)
	require.Equal(t, Counters{Sent: 2, SentBytes: 5, Received: 2, ReceivedBytes: 5}, s.Counters())
}

func TestReceiverKnowsWhetherASenderHasComeSince(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 2})
	attach(t, reopen(t, s), 1)
	requireLock(t, s, true)
	s.AttachReceiver(Owner{}, 1)
	require.False(t, s.SendersSince())
	late := reopen(t, s)
	attach(t, late, 2)
	require.NoError(t, late.DetachSender(1))
	require.True(t, s.SendersSince(), "though it has gone")
}

func TestLockAllTakesAllOrNothing(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 300})
	taker := reopen(t, s)
	requireAll := func(want bool) {
		t.Helper()
		ok, err := taker.LockAll()
		require.NoError(t, err)
		require.Equal(t, want, ok)
	}
	for what, lock := range map[string]func(e *Segment){
		"the receiver": func(e *Segment) { _, _ = e.LockReceiver() },
		"a sender":     func(e *Segment) { attach(t, e, 1) },
	} {
		t.Run(what, func(t *testing.T) {
			e := reopen(t, s)
			lock(e)
			requireAll(false)
			requireLock(t, s, what != "the receiver") // nothing was taken on the way
			require.NoError(t, s.unlock(receiverByte))
			die(t, e)
		})
	}
	requireAll(true)
	requireAlive(t, s, 299, true)
	require.NoError(t, s.Unlink(time.Second), "a remover's lock is another one")
}

func TestAnySenderAlive(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 3})
	requireAny := func(want bool) {
		t.Helper()
		any, err := s.AnySenderAlive()
		require.NoError(t, err)
		require.Equal(t, want, any)
	}
	receiver := reopen(t, s)
	_, err := receiver.LockReceiver()
	require.NoError(t, err)
	requireAny(false)
	first, second := reopen(t, s), reopen(t, s)
	attach(t, first, 1)
	attach(t, second, 2)
	requireAny(true)
	require.NoError(t, first.DetachSender(0))
	requireAny(true)
	die(t, second)
	requireAny(false)
}

func TestFinishedChannels(t *testing.T) {
	for what, test := range map[string]struct {
		durable bool
		do      func(t *testing.T, receiver *Segment)
		want    bool
	}{
		"no receiver yet":               {false, func(*testing.T, *Segment) {}, false},
		"a receiver":                    {false, attachReceiver, false},
		"its receiver died":             {false, func(t *testing.T, r *Segment) { attachReceiver(t, r); die(t, r) }, true},
		"its receiver died, durable":    {true, func(t *testing.T, r *Segment) { attachReceiver(t, r); die(t, r) }, false},
		"closed":                        {false, func(_ *testing.T, r *Segment) { r.Ring().Close() }, true},
		"closed with a receiver":        {false, func(t *testing.T, r *Segment) { attachReceiver(t, r); r.Ring().Close() }, true},
		"closed, durable":               {true, func(_ *testing.T, r *Segment) { r.Ring().Close() }, true},
		"locked by one who replaces it": {false, func(_ *testing.T, r *Segment) { _, _ = r.LockReceiver() }, false},
	} {
		t.Run(what, func(t *testing.T) {
			s := makeSegment(t, Config{Capacity: 1, Durable: test.durable})
			require.Equal(t, test.durable, s.Durable())
			test.do(t, reopen(t, s))
			finished, err := s.Finished()
			require.NoError(t, err)
			require.Equal(t, test.want, finished)
		})
	}
}

func attachReceiver(t *testing.T, s *Segment) {
	requireLock(t, s, true)
	s.AttachReceiver(Owner{}, time.Second)
}

func TestElementTypeIsSetOnce(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1})
	require.EqualValues(t, 7, s.SetElementType(7))
	require.EqualValues(t, 7, reopen(t, s).SetElementType(7))
	require.EqualValues(t, 7, reopen(t, s).SetElementType(8))
}
