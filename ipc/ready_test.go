package ipc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// value takes a value from ready, which must arrive soon.
func value(t testing.TB, ready <-chan struct{}) {
	t.Helper()
	select {
	case _, open := <-ready:
		require.True(t, open, "Ready is closed")
	case <-time.After(soon):
		t.Fatal("no value from Ready")
	}
}

// settled takes the stale values from Ready and requires that no more arrive.
func settled(t testing.TB, r *ipc.Receiver) {
	t.Helper()
	for stale := 0; ; stale++ {
		requireEmpty(t, r)
		select {
		case <-r.Ready():
			require.Less(t, stale, 10, "values without a message")
		case <-time.After(30 * time.Millisecond):
			return
		}
	}
}

func TestReadyHasAValueForEachMessage(t *testing.T) {
	const n = 2000
	for _, first := range []int{0, 3} { // messages sent before the first call
		o := in(t)
		o.Heartbeat = slow
		s, r := newPair(t, o)
		for i := range first {
			send(t, s, strconv.Itoa(i))
		}
		sent := async(func() error {
			for i := first; i < n; i++ {
				if err := s.Send(context.Background(), []byte(strconv.Itoa(i))); err != nil {
					return err
				}
				if rand.N(10) == 0 {
					runtime.Gosched()
				}
			}
			return nil
		})
		for i := 0; i < n; {
			value(t, r.Ready())
			msg, err := r.TryRecv()
			if err != nil {
				require.ErrorIs(t, err, ipc.ErrEmpty)
				continue
			}
			require.Equal(t, strconv.Itoa(i), string(msg))
			i++
		}
		require.NoError(t, await(t, sent))
		require.NoError(t, r.Close())
	}
}

// After each kind of call, Ready signals the next message.
func TestReadyBesideOtherCalls(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	s, r := newPair(t, o)
	ready := r.Ready()
	for what, take := range map[string]func() error{
		"Recv":       func() error { _, err := r.Recv(background(t)); return err },
		"RecvAppend": func() error { _, err := r.RecvAppend(background(t), nil); return err },
		"TryRecv":    func() error { _, err := r.TryRecv(); return err },
		"Consume": func() error {
			_, err := r.Consume(background(t), 1, func([]byte) error { return nil })
			return err
		},
		"Next":    func() error { _, err := r.Next(background(t)); r.Release(); return err },
		"TryNext": func() error { _, err := r.TryNext(); r.Release(); return err },
		"Drain": func() error {
			for _, err := range r.Drain() {
				return err
			}
			return ipc.ErrEmpty
		},
		"Select": func() error {
			if _, err := ipc.Select(background(t), r); err != nil {
				return err
			}
			_, err := r.TryRecv()
			return err
		},
	} {
		settled(t, r)
		send(t, s, "one", "two")
		value(t, ready)
		require.NoError(t, take(), what)
		value(t, ready) // for the second message
		require.NoError(t, take(), what)
		settled(t, r)
	}
}

func TestReadyWhileAnotherGoroutineReceives(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	s, r := newPair(t, o)
	got := async(func() string { msg, _ := r.Recv(background(t)); return string(msg) })
	proctest.Parked(t, "(*Receiver).Recv", 1)
	ready := r.Ready() // while a call is in progress
	send(t, s, "one")
	require.Equal(t, "one", awaitSoon(t, got))
	settled(t, r)
	send(t, s, "two")
	value(t, ready)
	recv(t, r, "two")
}

func TestReadySignalsDisconnection(t *testing.T) {
	for what, disconnect := range map[string]func(t *testing.T, o *ipc.Options, s *proctest.Proc){
		"the last sender closes":    func(_ *testing.T, _ *ipc.Options, s *proctest.Proc) { s.Ask("close") },
		"the last sender is killed": func(_ *testing.T, _ *ipc.Options, s *proctest.Proc) { s.Kill() },
		"the channel is removed": func(t *testing.T, o *ipc.Options, s *proctest.Proc) {
			s.Ask("close")
			require.NoError(t, os.Remove(path(o)))
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.KeepOpen = what == "the channel is removed"
			r := newReceiver(t, o)
			s := startSender(t, o)
			ready := r.Ready()
			disconnect(t, o, s)
			for {
				value(t, ready)
				if _, err := r.TryRecv(); err != ipc.ErrEmpty && kind(err) != "empty" {
					require.ErrorIs(t, err, ipc.ErrDisconnected)
					break
				}
			}
			value(t, ready) // Ready keeps signaling
		})
	}
}

func TestReadySignalsAMessageBehindADeadSendersClaim(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	ready := r.Ready()
	dead, s := startSender(t, o), newSender(t, o)
	dead.Ask("claim 10")
	send(t, s, "x")
	dead.Kill()
	for {
		value(t, ready)
		if msg, err := r.TryRecv(); err == nil {
			require.Equal(t, "x", string(msg))
			return
		}
	}
}

// All messages are received in place before any is released.
func TestReadyBesideTryNextAlone(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	s, r := newPair(t, o)
	send(t, s, "1", "2", "3", "4", "5")
	for _, want := range []string{"1", "2", "3", "4", "5"} {
		value(t, r.Ready())
		msg, err := r.TryNext()
		require.NoError(t, err)
		require.Equal(t, want, string(msg))
	}
	require.NoError(t, r.ReleaseFirst(5))
}

// If a value was taken but no message received, Ready sends another value.
func TestReadySignalsAgainWhileAMessageRemains(t *testing.T) {
	o := in(t)
	o.Heartbeat = 5 * time.Millisecond
	s, r := newPair(t, o)
	send(t, s, "x")
	for range 5 {
		value(t, r.Ready())
	}
	require.EqualValues(t, 0, r.Stats().Received)
	recv(t, r, "x")
}

func TestCloseClosesReady(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	_, r := newPair(t, o)
	ready := r.Ready()
	require.Equal(t, ready, r.Ready(), "one channel for the receiver's life")
	closed := async(func() bool {
		for open := true; open; {
			_, open = <-ready
		}
		return true
	})
	require.NoError(t, r.Close())
	awaitSoon(t, closed)
	_, open := <-r.Ready()
	require.False(t, open)

	never := newReceiver(t, in(t))
	require.NoError(t, never.Close())
	_, open = <-never.Ready()
	require.False(t, open)
}

func TestCloseWhileMessagesAndReadyCome(t *testing.T) {
	for range 200 {
		s, r := newPairOnce(t, with(in(t), func(o *ipc.Options) { o.Capacity = 4096; o.Heartbeat = time.Millisecond }))
		sent := async(func() error {
			for {
				if err := s.Send(background(t), []byte("x")); err != nil {
					return err
				}
			}
		})
		taken := async(func() error {
			for range r.Ready() {
				if _, err := r.TryRecv(); err != nil && kind(err) != "empty" {
					return err
				}
			}
			return nil
		})
		time.Sleep(rand.N(2 * time.Millisecond))
		require.NoError(t, r.Close())
		require.ErrorIs(t, await(t, sent), ipc.ErrDisconnected)
		if err := await(t, taken); err != nil {
			require.ErrorIs(t, err, ipc.ErrClosed)
		}
		require.NoError(t, s.Close())
	}
}

func TestAThousandReadyReceiversNeedNoGoroutineEach(t *testing.T) {
	const n = 1000
	o := with(in(t), func(o *ipc.Options) { o.Capacity = 4096; o.MaxSenders = 1; o.Heartbeat = slow })
	threadsBefore, before := threads(t), runtime.NumGoroutine()
	rs := make([]*ipc.Receiver, n)
	for i := range rs {
		var err error
		rs[i], err = ipc.NewReceiver(background(t), fmt.Sprint(i), o)
		require.NoError(t, err)
		defer rs[i].Close()
		rs[i].Ready()
	}
	require.Less(t, threads(t)-threadsBefore, 50)
	require.Less(t, runtime.NumGoroutine()-before, 50)
	for i := 0; i < n; i += 37 {
		s, err := ipc.NewSender(background(t), fmt.Sprint(i), o)
		require.NoError(t, err)
		settled(t, rs[i])
		send(t, s, "x")
		value(t, rs[i].Ready())
		recv(t, rs[i], "x")
		require.NoError(t, s.Close())
	}
}
