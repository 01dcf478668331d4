package ipc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// BenchmarkInside measures what a message of 64 bytes costs each endpoint if nothing
// waits and no cache line crosses: one process alternately fills and empties the
// ring, and each phase is timed separately.
func BenchmarkInside(b *testing.B) {
	ctx := context.Background()
	singles := func(s *ipc.Sender, msgs [][]byte) error {
		for _, msg := range msgs {
			if err := s.Send(ctx, msg); err != nil {
				return err
			}
		}
		return nil
	}
	batches := func(s *ipc.Sender, msgs [][]byte) error {
		_, err := s.SendBatch(ctx, msgs)
		return err
	}
	claims := func(s *ipc.Sender, msgs [][]byte) error {
		for _, msg := range msgs {
			c, err := s.Claim(ctx, len(msg))
			if err != nil {
				return err
			}
			copy(c.Bytes(), msg)
			if err := c.Commit(); err != nil {
				return err
			}
		}
		return nil
	}
	var sum byte
	consume := func(r *ipc.Receiver, n int) error {
		for n > 0 {
			got, err := r.Consume(ctx, n, func(msg []byte) error {
				sum += msg[0]
				return nil
			})
			if n -= got; err != nil {
				return err
			}
		}
		return nil
	}
	var buf []byte
	appended := func(r *ipc.Receiver, n int) (err error) {
		for ; n > 0 && err == nil; n-- {
			buf, err = r.RecvAppend(ctx, buf[:0])
		}
		return err
	}
	nextRelease := func(r *ipc.Receiver, n int) error {
		for ; n > 0; n-- {
			msg, err := r.TryNext()
			if err != nil {
				return err
			}
			sum += msg[0]
			if err := r.Release(); err != nil {
				return err
			}
		}
		return nil
	}
	received := func(r *ipc.Receiver, n int) (err error) {
		for ; n > 0 && err == nil; n-- {
			_, err = r.Recv(ctx)
		}
		return err
	}
	all := func(r *ipc.Receiver, n int) error {
		for msg, err := range r.All(ctx) {
			if err != nil {
				return err
			}
			sum += msg[0]
			if n--; n == 0 {
				break
			}
		}
		return nil
	}
	for _, c := range []struct {
		name string
		send func(*ipc.Sender, [][]byte) error
		recv func(*ipc.Receiver, int) error
	}{
		{"Send, Consume", singles, consume},
		{"Send, RecvAppend", singles, appended},
		{"Send, TryNext and Release", singles, nextRelease},
		{"Send, Recv", singles, received},
		{"Send, All", singles, all},
		{"Claim, Consume", claims, consume},
		{"SendBatch, Consume", batches, consume},
		{"SendBatch, RecvAppend", batches, appended},
		{"SendBatch, TryNext and Release", batches, nextRelease},
		{"SendBatch, Recv", batches, received},
		{"SendBatch, All", batches, all},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, r := newPair(b, with(in(b), func(o *ipc.Options) { o.Capacity = 64 << 10 })) // fits the L2 cache
			msgs := make([][]byte, 16)
			for i := range msgs {
				msgs[i] = make([]byte, 64)
			}
			const rounds = 32
			sending, receiving := newSamples(), newSamples()
			for b.Loop() {
				began := time.Now()
				var err error
				for i := 0; i < rounds && err == nil; i++ {
					err = c.send(s, msgs)
				}
				require.NoError(b, err)
				filled := time.Now()
				err = c.recv(r, rounds*len(msgs))
				emptied := time.Now()
				require.NoError(b, err)
				sending.add(filled.Sub(began))
				receiving.add(emptied.Sub(filled))
			}
			// Medians discard the rounds in which the thread was preempted.
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(sending.quantile(0.5)/rounds/float64(len(msgs)), "send-ns")
			b.ReportMetric(receiving.quantile(0.5)/rounds/float64(len(msgs)), "recv-ns")
		})
	}
}
