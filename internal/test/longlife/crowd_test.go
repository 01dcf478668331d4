package longlife

import (
	"context"
	"encoding/binary"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// The cost of the number of senders to a receiver. The senders are in a process of
// their own, so that only the receiver's costs are measured.
func TestCrowdOfSenders(t *testing.T) {
	messages, idleFor := long(5000, 100_000), time.Duration(long(500, 5000))*time.Millisecond
	t.Log("| senders | attach, each | receiver's first wait | a message | a message, processor time | idle, processor time a heartbeat |")
	for _, n := range []int{1, 64, 1024, 4096} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := &ipc.Options{Dir: proctest.Dir(t), MaxSenders: n}
			r := newReceiver(t, o)
			p := proctest.Start(t, "crowd", encode(t, o), fmt.Sprint(n))
			var attach time.Duration
			_, err := fmt.Sscanf(p.Line(), "attached %d", &attach)
			require.NoError(t, err)
			require.Len(t, r.Stats().Senders, n)

			expired, cancel := context.WithCancel(context.Background())
			cancel()
			start := time.Now()
			_, err = r.Recv(expired)
			require.ErrorIs(t, err, context.Canceled)
			first := time.Since(start)

			idle := cpu(t)
			<-time.After(idleFor) // a measured duration, not a wait for a state
			idle = (cpu(t) - idle) / time.Duration(idleFor/(100*time.Millisecond))

			p.Tell("send %d", messages)
			ctx, msg, next := background(t), []byte(nil), make([]uint64, n)
			busy, start := cpu(t), time.Now()
			for range messages {
				if msg, err = r.RecvAppend(ctx, msg[:0]); err != nil {
					t.Fatal(err)
				}
				sender := binary.LittleEndian.Uint64(msg)
				if i := binary.LittleEndian.Uint64(msg[8:]); i != next[sender] {
					t.Fatalf("message %d of sender %d came instead of %d", i, sender, next[sender])
				}
				next[sender]++
			}
			busy, took := cpu(t)-busy, time.Since(start)
			p.Expect("sent")
			p.Kill()
			_, err = r.Recv(background(t)) // all senders died at once
			require.ErrorIs(t, err, ipc.ErrDisconnected)
			require.NoError(t, r.Close())
			t.Logf("| %d | %v | %v | %v | %v | %v |", n, attach/time.Duration(n), first.Round(time.Microsecond),
				took/time.Duration(messages), busy/time.Duration(messages), idle.Round(time.Microsecond))
		})
	}
}

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var use syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// crowdRole is many senders, which send in turn.
func crowdRole(args []string) int {
	ctx := context.Background()
	start := time.Now()
	s, err := ipc.NewSender(ctx, channel, decode(args[0]))
	must(err)
	crowd := []*ipc.Sender{s}
	for range atoi(args[1]) - 1 {
		c, err := s.Clone()
		must(err)
		crowd = append(crowd, c)
	}
	proctest.Say("attached %d", time.Since(start))
	line, _ := proctest.Hear()
	var n int
	_, err = fmt.Sscanf(line, "send %d", &n)
	must(err)
	for i := range n {
		who := i % len(crowd)
		must(crowd[who].Send(ctx, numbered(who, i/len(crowd), 64)))
	}
	proctest.Say("sent")
	select {}
}
