package ipc

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// BenchmarkTruncationGuard times putting a message into the ring and taking it out,
// with and without the check whether the file was truncated meanwhile. The difference
// is what surviving a truncation costs. The variants alternate, so that load on the
// machine affects both; each reports its median.
func BenchmarkTruncationGuard(b *testing.B) {
	const turn = 1000 // messages
	o := &Options{Dir: proctest.Dir(b)}
	r, err := NewReceiver(context.Background(), "ch", o)
	require.NoError(b, err)
	defer r.Close()
	s, err := NewSender(context.Background(), "ch", o)
	require.NoError(b, err)
	defer s.Close()
	msg := make([]byte, 64)
	guarded := func() error {
		err := s.tx.Put(msg)
		s.tx.Notify()
		if err = s.orBrokenUnnamed(err); err != nil {
			return err
		}
		_, err = r.rx.Next()
		err = r.orBroken("recv", err)
		r.rx.Release()
		return err
	}
	bare := func() error {
		err := s.tx.Put(msg)
		s.tx.Notify()
		if err != nil {
			return err
		}
		_, err = r.rx.Next()
		r.rx.Release()
		return err
	}
	var took [2][]time.Duration
	for b.Loop() {
		for i, do := range []func() error{guarded, bare} {
			start := time.Now()
			for range turn {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			took[i] = append(took[i], time.Since(start)/turn)
		}
	}
	for i, what := range []string{"guarded-ns", "bare-ns"} {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2]), what)
	}
}
