package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// BenchmarkSelectRoundTrip is BenchmarkRoundTrip/asleep with this process waiting in
// Recv, in Select over n receivers, or on Ready.
func BenchmarkSelectRoundTrip(b *testing.B) {
	wait := map[string]func(ctx context.Context, back *ipc.Receiver, rs []*ipc.Receiver) error{
		"Recv": func(context.Context, *ipc.Receiver, []*ipc.Receiver) error { return nil },
		"Select": func(ctx context.Context, _ *ipc.Receiver, rs []*ipc.Receiver) error {
			_, err := ipc.Select(ctx, rs...)
			return err
		},
		"Ready": func(_ context.Context, back *ipc.Receiver, _ []*ipc.Receiver) error {
			<-back.Ready()
			return nil
		},
	}
	for _, c := range []struct {
		how string
		n   int
	}{{"Recv", 1}, {"Ready", 1}, {"Select", 1}, {"Select", 8}, {"Select", 64}, {"Select", 1000}} {
		b.Run(fmt.Sprintf("%s/%d", c.how, c.n), func(b *testing.B) {
			o := in(b)
			o.Spin, o.Capacity = -1, 4096
			ctx := context.Background()
			rs := make([]*ipc.Receiver, c.n)
			for i := range rs {
				name := strconv.Itoa(i)
				if i == c.n/2 {
					name = "back"
				}
				var err error
				rs[i], err = ipc.NewReceiver(ctx, name, o)
				require.NoError(b, err)
				defer rs[i].Close()
			}
			back := rs[c.n/2]
			p := proctest.Start(b, "echo", encode(b, o))
			p.Expect("ready")
			s, err := ipc.NewSender(ctx, "there", o)
			require.NoError(b, err)
			msg, buf := make([]byte, 64), []byte(nil)
			h := newSamples()
			for b.Loop() {
				start := time.Now()
				require.NoError(b, s.Send(ctx, msg))
				for err = ipc.ErrEmpty; errors.Is(err, ipc.ErrEmpty); { // a value from Ready may be stale
					require.NoError(b, wait[c.how](ctx, back, rs))
					if c.how == "Recv" {
						buf, err = back.RecvAppend(ctx, buf[:0])
						break
					}
					buf, err = back.TryRecv()
				}
				require.NoError(b, err)
				h.add(time.Since(start) / 2)
			}
			b.ReportMetric(h.quantile(0.5), "one-way-p50-ns")
			b.ReportMetric(h.quantile(0.99), "one-way-p99-ns")
			b.ReportMetric(line(b), "line-ns")
			require.NoError(b, s.Close())
			p.Wait()
		})
	}
}

// BenchmarkSelectLoop measures one loop over n busy channels, all fed by one sender
// process.
func BenchmarkSelectLoop(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		for _, drain := range []bool{false, true} {
			b.Run(fmt.Sprintf("channels=%d/drain=%v", n, drain), func(b *testing.B) {
				o := with(in(b), func(o *ipc.Options) { o.Capacity = 64 << 10; o.MaxSenders = 1 })
				ctx := context.Background()
				rs := make([]*ipc.Receiver, n)
				for i := range rs {
					var err error
					rs[i], err = ipc.NewReceiver(ctx, strconv.Itoa(i), o)
					require.NoError(b, err)
					defer rs[i].Close()
				}
				each := (b.N + n - 1) / n
				p := proctest.Start(b, "spreader", encode(b, o), strconv.Itoa(n), strconv.Itoa(each))
				p.Expect("ready")
				p.Tell("go")
				b.ResetTimer()
				for got := 0; got < each*n; {
					i, err := ipc.Select(ctx, rs...)
					require.NoError(b, err)
					limit := 1
					if drain {
						limit = 0
					}
					took, err := rs[i].Consume(ctx, limit, func([]byte) error { return nil })
					require.NoError(b, err)
					got += took
				}
				b.ReportMetric(float64(each*n)/b.Elapsed().Seconds()/1e6, "Mmsg/s")
				p.Wait()
			})
		}
	}
}

// spreaderRole sends messages of 64 bytes to several channels in turn.
func spreaderRole(args []string) int {
	o, ctx := decode(args), context.Background()
	senders := make([]*ipc.Sender, number(args[1]))
	for i := range senders {
		s, err := ipc.NewSender(ctx, strconv.Itoa(i), o)
		if err != nil {
			return 1
		}
		defer s.Close()
		senders[i] = s
	}
	proctest.Say("ready")
	proctest.Hear()
	msg := make([]byte, 64)
	for range number(args[2]) {
		for _, s := range senders {
			if s.Send(ctx, msg) != nil {
				return 1
			}
		}
	}
	for _, s := range senders {
		if s.Flush(ctx) != nil {
			return 1
		}
	}
	return 0
}
