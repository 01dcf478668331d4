package shm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{"unregistered": unregisteredRole})
}

// senders is the number of sender slots in the tests' rings.
const senders = 3

// starts are first positions: of a new ring, and of rings in which 32, 63 and 64
// bits are about to overflow.
var starts = map[string]uint64{
	"new":       0,
	"mid page":  1<<40 + 1088,
	"near 2^32": 1<<32 - 128,
	"near 2^63": 1<<63 - 128,
	"near 2^64": 1<<64 - 128,
}

// makeSegment makes a segment without a name, which is closed when the test ends.
func makeSegment(t testing.TB, c Config) *Segment {
	t.Helper()
	s, err := Create(Place{Dir: proctest.Dir(t), Base: "ch"}, c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Discard()) })
	return s
}

// mappedRing makes a small ring in a file.
func mappedRing(t testing.TB, start uint64) *Ring {
	t.Helper()
	return makeSegment(t, Config{Capacity: MinCapacity, MaxSenders: senders, Start: start}).Ring()
}

// onBoth runs a test on a small ring on the heap and on one in a file.
func onBoth(t *testing.T, test func(t *testing.T, r *Ring)) {
	t.Helper()
	t.Run("heap", func(t *testing.T) { test(t, NewHeapRing(MinCapacity, senders, 0)) })
	t.Run("mapped", func(t *testing.T) { test(t, mappedRing(t, 0)) })
}

// onBothFrom is onBoth at each of the starts.
func onBothFrom(t *testing.T, test func(t *testing.T, r *Ring)) {
	t.Helper()
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			t.Run("heap", func(t *testing.T) { test(t, NewHeapRing(MinCapacity, senders, start)) })
			t.Run("mapped", func(t *testing.T) { test(t, mappedRing(t, start)) })
		})
	}
}

// restart empties the ring and makes it begin at pos. Its bytes stay as they are, so
// pos must be in a lap that was not used yet.
func restart(r *Ring, pos uint64) {
	r.ctl.tail.Store(pos)
	r.ctl.head.Store(pos)
	r.ctl.cursor.Store(0)
	r.ctl.skipped.Store(0)
	r.ctl.skippedTo.Store(0)
	for i := range r.slots {
		r.slots[i].intent.Store(noIntent)
	}
}

// lap returns the first position of a lap that was not used yet.
func lap(r *Ring) uint64 { return (r.Tail() &^ r.mask) + 2*r.capacity }

// tester is the common part of a test and a property's step.
type tester interface {
	require.TestingT
	Helper()
}

func newConsumer(t tester, r *Ring) *Consumer {
	t.Helper()
	c, err := r.NewConsumer(fence.Register())
	require.NoError(t, err)
	return c
}

// ends returns a Producer for each of the ring's slots, and the Consumer.
func ends(t testing.TB, r *Ring) ([]*Producer, *Consumer) {
	t.Helper()
	p := make([]*Producer, r.Senders())
	for i := range p {
		p[i] = r.NewProducer(i, fence.Register())
		beats(r, i)
	}
	return p, newConsumer(t, r)
}

// beats makes the owner of a sender slot look as if it had just beaten with a long
// interval.
func beats(r *Ring, i int) {
	r.slots[1+i].interval.Store(int64(time.Minute))
	r.slots[1+i].beatAt.Store(process.Monotonic())
}

// put sends messages, for which there must be room.
func put(t testing.TB, p *Producer, msgs ...string) {
	t.Helper()
	for _, m := range msgs {
		require.NoError(t, p.Put([]byte(m)))
	}
}

// claim opens a claim, for which there must be room.
func claim(t testing.TB, p *Producer, n int) []byte {
	t.Helper()
	b, err := p.Claim(n)
	require.NoError(t, err)
	return b
}

// batch sends messages that fit into one batch.
func batch(t testing.TB, p *Producer, msgs ...string) {
	t.Helper()
	n, err := p.PutBatch(raw(msgs...))
	require.NoError(t, err)
	require.Equal(t, len(msgs), n)
}

func raw(msgs ...string) [][]byte {
	all := make([][]byte, len(msgs))
	for i, m := range msgs {
		all[i] = []byte(m)
	}
	return all
}

// take checks which messages come next. It does not release them.
func take(t testing.TB, c *Consumer, want ...string) {
	t.Helper()
	for _, w := range want {
		got, err := c.Next()
		require.NoError(t, err)
		require.Equal(t, w, string(got))
	}
}

// requireEmpty checks that there is nothing to take.
func requireEmpty(t testing.TB, c *Consumer) {
	t.Helper()
	msg, err := c.Next()
	require.ErrorIs(t, err, ErrEmpty, "message %q", msg)
}

// requireIdle checks that there is nothing to take and no claim in flight.
func requireIdle(t testing.TB, c *Consumer) {
	t.Helper()
	requireEmpty(t, c)
	requireInFlight(t, c, false)
}

func requireInFlight(t testing.TB, c *Consumer, want bool) {
	t.Helper()
	inFlight, err := c.InFlight()
	require.NoError(t, err)
	require.Equal(t, want, inFlight)
}

// requireCorrupt checks that err names the field, and returns it.
func requireCorrupt(t testing.TB, err error, field string) *CorruptError {
	t.Helper()
	var corrupt *CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, field, corrupt.Field)
	return corrupt
}

// text returns n bytes that identify the message and the place in it.
func text(n, which int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + (which*31+i*7+i/64)%90)
	}
	return string(b)
}
