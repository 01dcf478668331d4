package longlife

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func isEmpty(err error) bool { return errors.Is(err, ipc.ErrEmpty) }

// The receiver of a durable channel is replaced repeatedly while processes send
// single messages and batches without a pause. Each message is received once.
func TestReceiverIsReplacedUnderLoad(t *testing.T) {
	const senders = 3
	times := long(300, 1000)
	o := &ipc.Options{Dir: proctest.Dir(t), Durable: true, KeepOpen: true, Capacity: 1 << 16, MaxSenders: senders}
	r := newReceiver(t, o)
	var procs []*proctest.Proc
	for i := range senders {
		procs = append(procs, proctest.Start(t, "flood", encode(t, o), string(rune('0'+i))))
	}
	rng, ctx := rand.New(rand.NewPCG(1, uint64(times))), background(t)
	next := [senders]int{}
	took := func(msg []byte) error {
		sender, i := number(t, msg)
		require.Equal(t, next[sender], i, "of sender %d", sender)
		next[sender]++
		return nil
	}
	start := time.Now()
	for range times {
		if rng.IntN(2) == 0 { // mostly within a batch
			_, err := r.Consume(ctx, 1+rng.IntN(60), took)
			require.NoError(t, err)
		}
		for range rng.IntN(30) {
			msg, err := r.Recv(ctx)
			require.NoError(t, err)
			require.NoError(t, took(msg))
		}
		require.NoError(t, r.Close())
		r = newReceiver(t, o)
	}
	elapsed := time.Since(start)
	for _, p := range procs {
		p.Tell("stop")
	}
	for end := 0; end < senders; { // receive what they send until they are told to stop
		msg, err := r.Recv(ctx)
		require.NoError(t, err)
		if len(msg) == 0 {
			end++
			continue
		}
		require.NoError(t, took(msg))
	}
	for _, p := range procs {
		require.Zero(t, p.Wait())
	}
	stats := r.Stats()
	require.Zero(t, stats.Deaths)
	require.Equal(t, uint64(next[0]+next[1]+next[2]+senders), stats.Received)
	require.NoError(t, r.Close())
	require.NoError(t, ipc.Remove(channel, o))
	t.Logf("replaced %d times in %v, %v each with the messages between; %d messages, each once",
		times, elapsed.Round(time.Millisecond), (elapsed / time.Duration(times)).Round(time.Microsecond), stats.Received)
}

// floodRole sends numbered messages until it is told to stop, and then an empty
// message.
func floodRole(args []string) int {
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, channel, decode(args[0]))
	must(err)
	told := make(chan struct{})
	go func() {
		proctest.Hear()
		close(told)
	}()
	who, next := atoi(args[1]), 0
	for {
		select {
		case <-told:
			must(s.Send(ctx, nil))
			must(s.Close())
			return 0
		default:
		}
		var batch [][]byte
		for range 1 + next%9 {
			batch = append(batch, numbered(who, next, 16+next%200))
			next++
		}
		if len(batch) == 1 {
			must(s.Send(ctx, batch[0]))
			continue
		}
		_, err := s.SendBatch(ctx, batch)
		must(err)
	}
}
