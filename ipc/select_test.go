package ipc_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// several creates n channels with both endpoints in this process.
func several(t testing.TB, o *ipc.Options, n int) ([]*ipc.Sender, []*ipc.Receiver) {
	t.Helper()
	o.Capacity, o.MaxSenders = 4096, 2
	ss, rs := make([]*ipc.Sender, n), make([]*ipc.Receiver, n)
	for i := range n {
		r, err := ipc.NewReceiver(background(t), fmt.Sprint(i), o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, r.Close()) })
		s, err := ipc.NewSender(background(t), fmt.Sprint(i), o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		ss[i], rs[i] = s, r
	}
	return ss, rs
}

type chosen struct {
	i   int
	err error
}

// selecting starts a call of Select, which must block.
func selecting(t testing.TB, ctx context.Context, rs ...*ipc.Receiver) <-chan chosen {
	t.Helper()
	c := async(func() chosen { i, err := ipc.Select(ctx, rs...); return chosen{i, err} })
	proctest.Parked(t, "ipc.Select", 1)
	return c
}

func TestSelectWaitsForAnyOf(t *testing.T) {
	for _, n := range []int{1, 2, 200, 4000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := with(in(t), func(o *ipc.Options) { o.Capacity = 4096; o.MaxSenders = 1; o.Heartbeat = slow; o.Spin = -1 })
			ss, rs := make([]*ipc.Sender, n), make([]*ipc.Receiver, n)
			for i := range rs {
				var err error
				rs[i], err = ipc.NewReceiver(background(t), fmt.Sprint(i), o)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, rs[i].Close()) })
			}
			before := threads(t)
			for _, i := range []int{0, n / 2, n - 1} {
				var err error
				if ss[i] == nil {
					ss[i], err = ipc.NewSender(background(t), fmt.Sprint(i), o)
					require.NoError(t, err)
					t.Cleanup(func() { require.NoError(t, ss[i].Close()) })
				}
				c := selecting(t, background(t), rs...)
				require.Less(t, threads(t)-before, 10+n/100)
				require.Less(t, proctest.CountParked("ipc.Select"), 2, "Select must not start a goroutine for each receiver")
				send(t, ss[i], "x")
				require.Equal(t, chosen{i, nil}, awaitSoon(t, c))
				require.Positive(t, rs[i].Stats().Used, "Select must not receive the message")
				got, err := rs[i].TryRecv()
				require.NoError(t, err)
				require.Equal(t, "x", string(got))
			}
		})
	}
}

func TestSelectIsFair(t *testing.T) {
	const n, each = 20, 30
	ss, rs := several(t, in(t), n)
	for _, s := range ss {
		for range each {
			send(t, s, "x")
		}
	}
	for round := range each {
		seen := map[int]bool{}
		for range n {
			i, err := ipc.Select(background(t), rs...)
			require.NoError(t, err)
			require.False(t, seen[i], "round %d: receiver %d chosen twice", round, i)
			seen[i] = true
			recv(t, rs[i], "x")
		}
	}
	// Also with different sets of receivers in turn.
	for range each {
		send(t, ss[0], "x")
		send(t, ss[1], "x")
		send(t, ss[2], "x")
	}
	times := map[*ipc.Receiver]int{}
	for k := range each {
		set := []*ipc.Receiver{rs[0], rs[1+k%2]}
		i, err := ipc.Select(background(t), set...)
		require.NoError(t, err)
		times[set[i]]++
	}
	for _, r := range rs[:3] {
		require.GreaterOrEqual(t, times[r], each/4)
	}
}

func TestSelectOfBadArguments(t *testing.T) {
	_, err := ipc.Select(background(t))
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = ipc.Select(background(t), newReceiver(t, in(t)), nil)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.ErrorContains(t, err, "1")
}

func TestSelectAndItsContext(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	ss, rs := several(t, o, 3)
	_, err := ipc.Select(expired(t), rs...)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	send(t, ss[1], "x")
	i, err := ipc.Select(expired(t), rs...)
	require.NoError(t, err, "a ready receiver takes precedence over an expired context")
	require.Equal(t, 1, i)
	recv(t, rs[1], "x")

	ctx, cancel := context.WithCancel(background(t))
	c := selecting(t, ctx, rs...)
	cancel()
	require.ErrorIs(t, awaitSoon(t, c).err, context.Canceled)
	_, err = ipc.Select(brief(t), rs...)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestSelectReturnsReceiversWithErrors(t *testing.T) {
	for what, c := range map[string]struct {
		disconnect func(t *testing.T, o *ipc.Options, s *ipc.Sender, r *ipc.Receiver)
		want       error
	}{
		"closed": {func(t *testing.T, _ *ipc.Options, _ *ipc.Sender, r *ipc.Receiver) { require.NoError(t, r.Close()) }, ipc.ErrClosed},
		"its last sender has gone": {func(t *testing.T, _ *ipc.Options, s *ipc.Sender, _ *ipc.Receiver) {
			require.NoError(t, s.Close())
		}, ipc.ErrDisconnected},
		"removed": {func(t *testing.T, o *ipc.Options, s *ipc.Sender, _ *ipc.Receiver) {
			require.NoError(t, ipc.ForceRemove("1", o))
		}, ipc.ErrDisconnected},
		"nameless": {func(t *testing.T, o *ipc.Options, s *ipc.Sender, _ *ipc.Receiver) {
			require.NoError(t, os.Remove(o.Dir+"/1"))
			require.NoError(t, s.Close())
		}, fs.ErrNotExist},
	} {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, first %v", what, first), func(t *testing.T) {
				o := in(t)
				o.KeepOpen = what == "nameless"
				ss, rs := several(t, o, 3)
				index := 1
				if first {
					rs[0], rs[1], index = rs[1], rs[0], 0
				}
				sleeper := selecting(t, background(t), rs...)
				c.disconnect(t, o, ss[1], rs[index])
				require.Equal(t, chosen{index, nil}, awaitSoon(t, sleeper))
				i, err := ipc.Select(background(t), rs...)
				require.NoError(t, err, "second call")
				require.Equal(t, index, i)
				_, err = rs[index].TryRecv()
				require.ErrorIs(t, err, c.want)
			})
		}
	}
}

func TestSelectReturnsABusyReceiver(t *testing.T) {
	o := in(t)
	ss, rs := several(t, o, 2)
	got := async(func() error { _, err := rs[1].Recv(background(t)); return err })
	proctest.Parked(t, "(*Receiver).Recv", 1)
	i, err := ipc.Select(background(t), rs...)
	require.ErrorIs(t, err, ipc.ErrBusy)
	require.Equal(t, 1, i)
	send(t, ss[1], "x")
	require.NoError(t, awaitSoon(t, got))

	c := selecting(t, background(t), rs...)
	_, err = rs[0].TryRecv()
	require.ErrorIs(t, err, ipc.ErrBusy, "Select occupies its receivers")
	send(t, ss[0], "x")
	require.Equal(t, chosen{0, nil}, awaitSoon(t, c))
}

func TestSelectOfOneReceiverTwice(t *testing.T) {
	ss, rs := several(t, in(t), 2)
	c := selecting(t, background(t), rs[0], rs[1], rs[0], rs[1])
	send(t, ss[1], "x")
	require.Equal(t, chosen{1, nil}, awaitSoon(t, c))
}

// An aborted claim does not make a receiver ready.
func TestSelectPassesAnAbortedClaim(t *testing.T) {
	ss, rs := several(t, in(t), 2)
	claim, err := ss[0].Claim(background(t), 10)
	require.NoError(t, err)
	require.NoError(t, claim.Abort())
	_, err = ipc.Select(expired(t), rs...)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestSelectLooksBehindADeadSendersClaim(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	r, idle := newReceiver(t, o), newReceiver(t, in(t))
	dead, s := startSender(t, o), newSender(t, o)
	dead.Ask("claim 10")
	send(t, s, "x")
	c := selecting(t, background(t), idle, r)
	dead.Kill()
	require.Equal(t, chosen{1, nil}, awaitSoon(t, c))
	recv(t, r, "x")
}

// One loop receives from many channels, whichever is ready first.
func TestSelectLoopReceivesAll(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			const n, each = 8, 500
			o := in(t)
			o.Heartbeat = slow
			ss, rs := several(t, o, n)
			for _, s := range ss {
				go func() {
					for range each {
						_ = s.Send(background(t), make([]byte, 100))
					}
				}()
			}
			start, got := time.Now(), make([]int, n)
			for range n * each {
				i, err := ipc.Select(background(t), rs...)
				require.NoError(t, err)
				_, err = rs[i].TryRecv()
				require.NoError(t, err)
				got[i]++
			}
			for _, g := range got {
				require.Equal(t, each, g)
			}
			require.Less(t, time.Since(start), soon)
		})
	}
}
