package ipc_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// calls are the calls that access the segment. The blocking ones wait on an empty or
// full ring.
var calls = []struct {
	method string
	blocks bool
	do     func(context.Context, *ipc.Sender, *ipc.Receiver) error
}{
	{"TryRecv", false, func(_ context.Context, _ *ipc.Sender, r *ipc.Receiver) error { _, err := r.TryRecv(); return err }},
	{"Recv", true, func(ctx context.Context, _ *ipc.Sender, r *ipc.Receiver) error { _, err := r.Recv(ctx); return err }},
	{"Consume", true, func(ctx context.Context, _ *ipc.Sender, r *ipc.Receiver) error {
		_, err := r.Consume(ctx, 0, func([]byte) error { return nil })
		return err
	}},
	{"Next", true, func(ctx context.Context, _ *ipc.Sender, r *ipc.Receiver) error { _, err := r.Next(ctx); return err }},
	{"TrySend", false, func(_ context.Context, s *ipc.Sender, _ *ipc.Receiver) error { return s.TrySend(make([]byte, 1000)) }},
	{"Send", true, func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver) error {
		return s.Send(ctx, make([]byte, 1000))
	}},
	{"SendBatch", true, func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver) error {
		_, err := s.SendBatch(ctx, [][]byte{make([]byte, 1000), []byte("y")})
		return err
	}},
	{"Claim", true, func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver) error {
		_, err := s.Claim(ctx, 1000)
		return err
	}},
	{"Flush", true, func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver) error { return s.Flush(ctx) }},
}

// truncatedRole truncates the file under both endpoints, before a call or while it
// waits, and reports the call's error. If it crashes, the last line is missing. The
// file keeps args[1] bytes; if it keeps some, a waiting call may not notice the loss.
func truncatedRole(args []string) int {
	o := decode(args)
	keep, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		panic(err)
	}
	for _, c := range calls {
		proctest.Say("%s after: %s", c.method, withTruncation(o, keep, func(ctx context.Context, s *ipc.Sender, r *ipc.Receiver, truncate func()) error {
			_ = s.TrySend([]byte("unread"))
			truncate()
			return c.do(ctx, s, r)
		}))
		if !c.blocks || keep > 0 {
			continue
		}
		proctest.Say("%s during: %s", c.method, withTruncation(o, keep, func(ctx context.Context, s *ipc.Sender, r *ipc.Receiver, truncate func()) error {
			endpoint := "(*Receiver)."
			if strings.HasPrefix(c.method, "S") || c.method == "Claim" || c.method == "Flush" {
				endpoint = "(*Sender)."
				for s.TrySend(make([]byte, 1000)) == nil {
				}
			}
			result := async(func() error { return c.do(ctx, s, r) })
			for proctest.CountParked(endpoint+c.method) == 0 {
				time.Sleep(time.Millisecond)
			}
			truncate()
			return <-result
		}))
	}
	claim := withTruncation(o, keep, func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver, truncate func()) error {
		c, err := s.Claim(ctx, 10)
		if err != nil {
			return err
		}
		truncate()
		return c.Commit()
	})
	proctest.Say("Commit after: %s", claim)
	proctest.Say("survived")
	return 0
}

// withTruncation creates a channel, lets do use and truncate it, and makes further
// calls, which must not crash either but may fail. It returns the kind of do's error.
func withTruncation(o *ipc.Options, keep int64, do func(context.Context, *ipc.Sender, *ipc.Receiver, func()) error) string {
	s, r := attach(o)
	limit := soon // expires only if the call hangs
	if keep > 0 {
		limit = 2 * quick
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := do(ctx, s, r, func() {
		if err := os.Truncate(path(o), keep); err != nil {
			panic(err)
		}
	})
	s.Stats()
	r.Stats()
	r.Deaths()
	_ = r.Release()
	_ = r.Rewind()
	if c, err := s.Clone(); err == nil {
		_ = c.Close()
	}
	if extra, err := ipc.NewSender(ctx, name, o); err == nil {
		_ = extra.Close()
	}
	_, _ = ipc.Inspect(name, o)
	_ = s.Close()
	_ = r.Close()
	_ = os.Remove(path(o))
	return kind(err)
}

func TestTruncationUnderAttachedEndpointsIsAnErrorNotACrash(t *testing.T) {
	requireGuard(t)
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, quick, -1
	p := proctest.Start(t, "truncated", encode(t, o), "0")
	results := 0
	for line := p.Line(); line != "survived"; line = p.Line() {
		_, result, _ := strings.Cut(line, ": ")
		require.NotContains(t, []string{"ok", "empty", "full", "deadline", "canceled"}, result, line)
		results++
	}
	require.Equal(t, 17, results)
	require.Zero(t, p.Wait())
}

func TestTruncationOfAPartIsSurvived(t *testing.T) {
	requireGuard(t)
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, quick, -1
	r := newReceiver(t, o)
	info, err := os.Stat(path(o))
	require.NoError(t, err)
	require.NoError(t, r.Close())
	for keep := int64(1); keep < info.Size(); keep += 4096 {
		p := proctest.Start(t, "truncated", encode(t, o), strconv.FormatInt(keep, 10))
		for line := p.Line(); line != "survived"; line = p.Line() {
			require.NotContains(t, line, "other: ", "every error must wrap a known sentinel")
		}
		require.Zero(t, p.Wait())
	}
}

// The file ends in the middle of a message: pages that remain are intact, and the rest
// reads as zeroes. A receiver must not take the zeroes for the message, nor a sender for
// room.
func TestTruncationWithinAMessageIsAnErrorNotZeroes(t *testing.T) {
	requireGuard(t)
	const length = 20_000 // pages
	for what, do := range map[string]func(ctx context.Context, s *ipc.Sender, r *ipc.Receiver) error{
		"Recv":    func(ctx context.Context, _ *ipc.Sender, r *ipc.Receiver) error { _, err := r.Recv(ctx); return err },
		"TryRecv": func(_ context.Context, _ *ipc.Sender, r *ipc.Receiver) error { _, err := r.TryRecv(); return err },
		"RecvAppend": func(ctx context.Context, _ *ipc.Sender, r *ipc.Receiver) error {
			_, err := r.RecvAppend(ctx, nil)
			return err
		},
		"Consume": func(ctx context.Context, _ *ipc.Sender, r *ipc.Receiver) error {
			n, err := r.Consume(ctx, 1, func(msg []byte) error { _ = string(msg); return nil })
			require.Zero(t, n)
			return err
		},
		"Release": func(ctx context.Context, _ *ipc.Sender, r *ipc.Receiver) error {
			msg, err := r.Next(ctx)
			_ = string(msg)
			return errorsOf(err, r.Release())
		},
		"TrySend": func(_ context.Context, s *ipc.Sender, _ *ipc.Receiver) error { return s.TrySend(make([]byte, length)) },
		"Send": func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver) error {
			return s.Send(ctx, make([]byte, length))
		},
		"SendBatch": func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver) error {
			n, err := s.SendBatch(ctx, [][]byte{make([]byte, length/2), make([]byte, 100)})
			require.Zero(t, n)
			return err
		},
		"Commit": func(ctx context.Context, s *ipc.Sender, _ *ipc.Receiver) error {
			c, err := s.Claim(ctx, length)
			if err == nil {
				clear(c.Bytes())
				err = c.Commit()
			}
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := small(in(t).Dir)
			o.Capacity = 1 << 16
			s, r := newPairOnce(t, o)
			send(t, s, string(noise(1, length)))
			require.NoError(t, os.Truncate(path(o), ringAt+4096))
			var corrupt *ipc.CorruptError
			require.ErrorAs(t, do(brief(t), s, r), &corrupt)
			require.Equal(t, "file size", corrupt.Field)
			require.EqualValues(t, ringAt+4096, corrupt.Value)
			_ = s.Close()
			_ = r.Close()
			require.NoError(t, os.RemoveAll(path(o)))
		})
	}
}
