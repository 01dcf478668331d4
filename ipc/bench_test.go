package ipc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// The benchmarks use real processes. Each also reports "line-ns", the time that a
// cache line takes from one process to the other, measured in the same run: on a
// virtual machine this time drifts, and the results drift with it.

// floodRole sends n messages of the given size, singly or in batches. Its exit status
// reports whether a send failed, other than by disconnection.
func floodRole(args []string) int {
	o := decode(args)
	size, batch, n := number(args[1]), number(args[2]), number(args[3])
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, name, o)
	if err != nil {
		return 1
	}
	msgs := make([][]byte, batch)
	for i := range msgs {
		msgs[i] = bytes.Repeat([]byte{byte(size)}, size)
	}
	proctest.Say("ready")
	proctest.Hear()
	for sent := 0; sent < n && err == nil; sent += batch {
		if batch == 1 {
			binary.LittleEndian.PutUint32(msgs[0], uint32(sent))
			err = s.Send(ctx, msgs[0])
		} else {
			_, err = s.SendBatch(ctx, msgs[:min(batch, n-sent)])
		}
	}
	if err != nil && !errors.Is(err, ipc.ErrDisconnected) {
		return 1
	}
	_ = s.Close()
	return 0
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func BenchmarkSend(b *testing.B) {
	for _, c := range []struct{ size, senders, batch int }{
		{64, 1, 1}, {64, 4, 1}, {64, 1, 16}, {64, 4, 16}, {1024, 1, 1}, {64 << 10, 1, 1}, {1 << 20, 1, 1},
	} {
		b.Run(fmt.Sprintf("size=%d/senders=%d/batch=%d", c.size, c.senders, c.batch), func(b *testing.B) {
			o := in(b)
			o.Capacity = max(1<<20, 8*c.size)
			r := newReceiver(b, o)
			each := (b.N + c.senders - 1) / c.senders
			procs := make([]*proctest.Proc, c.senders)
			for i := range procs {
				procs[i] = proctest.Start(b, "flood", encode(b, o), strconv.Itoa(c.size), strconv.Itoa(c.batch), strconv.Itoa(each))
				procs[i].Expect("ready")
			}
			b.SetBytes(int64(c.size))
			for _, p := range procs {
				p.Tell("go")
			}
			b.ResetTimer()
			var sum byte
			for got := 0; got < each*c.senders; {
				n, err := r.Consume(context.Background(), 0, func(msg []byte) error {
					sum += msg[len(msg)-1]
					return nil
				})
				require.NoError(b, err)
				got += n
			}
			b.StopTimer()
			b.ReportMetric(float64(each*c.senders)/b.Elapsed().Seconds()/1e6, "Mmsg/s")
			b.ReportMetric(line(b), "line-ns")
			require.NoError(b, r.Close())
		})
	}
}

// echoRole receives on "there" and sends each message back on "back".
func echoRole(args []string) int {
	o := decode(args)
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "there", o)
	if err != nil {
		return 1
	}
	s, err := ipc.NewSender(ctx, "back", o)
	if err != nil {
		return 1
	}
	proctest.Say("ready")
	for buf := []byte(nil); err == nil; {
		if buf, err = r.RecvAppend(ctx, buf[:0]); err == nil {
			err = s.Send(ctx, buf)
		}
	}
	if s.Close() != nil || r.Close() != nil || !errors.Is(err, ipc.ErrDisconnected) {
		return 1
	}
	return 0
}

// BenchmarkRoundTrip times a message there and back, and reports half of that.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range []struct {
		name string
		spin time.Duration
	}{{"spinning", time.Second}, {"default", 0}, {"asleep", -1}} {
		b.Run(c.name, func(b *testing.B) {
			o := in(b)
			o.Spin = c.spin
			ctx := context.Background()
			back, err := ipc.NewReceiver(ctx, "back", o)
			require.NoError(b, err)
			p := proctest.Start(b, "echo", encode(b, o))
			p.Expect("ready")
			s, err := ipc.NewSender(ctx, "there", o)
			require.NoError(b, err)
			msg, buf := make([]byte, 64), []byte(nil)
			h := newSamples()
			for b.Loop() {
				start := time.Now()
				require.NoError(b, s.Send(ctx, msg))
				buf, err = back.RecvAppend(ctx, buf[:0])
				require.NoError(b, err)
				h.add(time.Since(start) / 2)
			}
			b.ReportMetric(h.quantile(0.5), "one-way-p50-ns")
			b.ReportMetric(h.quantile(0.99), "one-way-p99-ns")
			b.ReportMetric(line(b), "line-ns")
			require.NoError(b, s.Close())
			p.Wait()
			require.NoError(b, back.Close())
		})
	}
}
