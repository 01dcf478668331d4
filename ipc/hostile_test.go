package ipc_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// victimRole attaches both endpoints and writes noise over parts of the file between
// calls. If it crashes, its parent misses the final "survived".
func victimRole(args []string) int {
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		panic(err)
	}
	scribbled(decode(args), seed)
	proctest.Say("survived")
	return 0
}

func attach(o *ipc.Options) (*ipc.Sender, *ipc.Receiver) {
	r, err := ipc.NewReceiver(context.Background(), name, o)
	if err != nil {
		panic(err)
	}
	s, err := ipc.NewSender(context.Background(), name, o)
	if err != nil {
		panic(err)
	}
	return s, r
}

func scribbled(o *ipc.Options, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 40 {
		s, r := attach(o)
		f, err := os.OpenFile(path(o), os.O_RDWR, 0)
		if err != nil {
			panic(err)
		}
		info, err := f.Stat()
		if err != nil {
			panic(err)
		}
		for range 10 {
			_ = s.TrySend(noise(round, 100))
			n := 8 << rnd.IntN(8)
			junk := noise(rnd.Int(), n)
			if rnd.IntN(2) == 0 {
				clear(junk)
			}
			if _, err := f.WriteAt(junk, rnd.Int64N(info.Size())&^7); err != nil {
				panic(err)
			}
			touch(s, r, o)
		}
		_ = s.Close()
		_ = r.Close()
		_ = f.Close()
		_ = os.Remove(path(o))
	}
}

// touch makes every kind of call and ignores the results, but panics if a message is
// longer than the limit.
func touch(s *ipc.Sender, r *ipc.Receiver, o *ipc.Options) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	for range 50 {
		msg, err := r.TryRecv()
		if len(msg) > s.MaxMessage() {
			panic("message exceeds MaxMessage")
		}
		if err != nil {
			break
		}
	}
	_, _ = r.Recv(ctx)
	_, _ = r.Consume(ctx, 3, func([]byte) error { return nil })
	_ = s.Send(ctx, []byte("x"))
	_, _ = s.SendBatch(ctx, [][]byte{[]byte("x"), make([]byte, 500)})
	if c, err := s.Claim(ctx, 10); err == nil {
		copy(c.Bytes(), "0123456789")
		_ = c.Abort()
	}
	_ = s.Flush(ctx)
	s.Stats()
	r.Stats()
	_, _ = ipc.Inspect(name, o)
	if extra, err := ipc.NewSender(ctx, name, o); err == nil {
		_ = extra.Close()
	}
}

func TestNoiseInTheSegmentNeitherCrashesNorHangs(t *testing.T) {
	o := in(t)
	o.Capacity, o.MaxSenders, o.Heartbeat = 4096, 2, quick
	for seed := range 3 {
		p := proctest.Start(t, "victim", encode(t, o), strconv.Itoa(seed))
		p.Expect("survived")
		require.Zero(t, p.Wait())
	}
}
