package ipc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestAllYieldsUntilDisconnectedAndEndsSilently(t *testing.T) {
	s, r := newPair(t, in(t))
	ctx := background(t)
	sum := async(func() int {
		sum := 0
		for msg, err := range r.All(ctx) {
			if err != nil {
				return -1
			}
			sum += int(msg[0])
		}
		return sum
	})
	send(t, s, "\x03", "\x01", "\x02")
	require.NoError(t, s.Close())
	require.Equal(t, 6, await(t, sum))
}

func TestAllWaitsForMessages(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	ctx := background(t)
	seen := make(chan string)
	ended := async(func() bool {
		for msg := range r.All(ctx) {
			seen <- string(msg)
		}
		return true
	})
	for _, m := range []string{"a", "b"} {
		proctest.Parked(t, "(*Receiver).All", 1)
		send(t, s, m)
		require.Equal(t, m, awaitSoon(t, seen))
	}
	require.NoError(t, s.Close())
	require.True(t, awaitSoon(t, ended))
}

func TestBreakingOutOfAllKeepsTheRest(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "1", "2", "3", "4")
	for msg, err := range r.All(background(t)) {
		require.NoError(t, err)
		if string(msg) == "2" {
			break
		}
	}
	recv(t, r, "3", "4")
	requireEmpty(t, r)
}

func TestAllYieldsAnotherErrorOnceAndLast(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "one")
	var got []string
	for msg, err := range r.All(expired(t)) {
		got = append(got, string(msg)+" "+kind(err))
	}
	require.Equal(t, []string{"one ok", " deadline"}, got)

	require.NoError(t, r.Close())
	got = nil
	for msg, err := range r.All(background(t)) {
		got = append(got, string(msg)+" "+kind(err))
	}
	require.Equal(t, []string{" closed"}, got)
}

func TestCloseEndsAnAllThatWaits(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	_, r := newPair(t, o)
	ctx := background(t)
	got := async(func() []string {
		var got []string
		for _, err := range r.All(ctx) {
			got = append(got, kind(err))
		}
		return got
	})
	proctest.Parked(t, "(*Receiver).All", 1)
	require.NoError(t, r.Close())
	require.Equal(t, []string{"closed"}, awaitSoon(t, got))
}

func TestIteratorsYieldCopiesOfTheCallersOwn(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	var kept [][]byte
	for lap := range 20 {
		for i := range 10 {
			send(t, s, numbered("k", lap*10+i))
		}
		for msg, err := range r.Drain() {
			require.NoError(t, err)
			kept = append(kept, msg)
		}
	}
	require.Len(t, kept, 200)
	for i, msg := range kept {
		require.Equal(t, numbered("k", i), string(msg))
	}
}

func TestDrainYieldsWhatIsThereAndEndsSilently(t *testing.T) {
	s, r := newPair(t, in(t))
	for range r.Drain() {
		t.Fatal("Drain yielded from an empty channel")
	}
	send(t, s, "1", "2")
	var got []string
	for msg, err := range r.Drain() {
		require.NoError(t, err)
		got = append(got, string(msg))
	}
	require.Equal(t, []string{"1", "2"}, got)
	requireEmpty(t, r)
}

func TestDrainEndsSilentlyWhenDisconnected(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "last words")
	require.NoError(t, s.Close())
	for range 2 {
		var got []string
		for msg, err := range r.Drain() {
			require.NoError(t, err)
			got = append(got, string(msg))
		}
		require.LessOrEqual(t, len(got), 1)
	}
	requireDisconnected(t, r)
}

func TestDrainOfAClosedReceiverYieldsErrClosedOnce(t *testing.T) {
	r := newReceiver(t, in(t))
	require.NoError(t, r.Close())
	n := 0
	for msg, err := range r.Drain() {
		require.Nil(t, msg)
		require.ErrorIs(t, err, ipc.ErrClosed)
		n++
	}
	require.Equal(t, 1, n)
}

func TestReceiverGoesOnAfterAllRanOutOfTime(t *testing.T) {
	s, r := newPair(t, in(t))
	for _, err := range r.All(brief(t)) {
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	send(t, s, "patience")
	recv(t, r, "patience")
}

// Each request is answered only after it was received, so both receivers sometimes
// find their channel empty.
func TestRequestsAndAnswersByAllAndDrain(t *testing.T) {
	requests, answers := in(t), in(t)
	ask, asked := newPair(t, requests)
	answer, answered := newPair(t, answers)
	ctx := background(t)
	served := async(func() int {
		n := 0
		for range asked.All(ctx) {
			if answer.Send(ctx, []byte{1}) != nil {
				break
			}
			n++
		}
		return n
	})
	total := 0
	for total < 500 {
		require.NoError(t, ask.Send(ctx, nil))
		for msg, err := range answered.Drain() {
			require.NoError(t, err)
			total += int(msg[0])
		}
	}
	require.NoError(t, ask.Close())
	require.GreaterOrEqual(t, await(t, served), total)
}
