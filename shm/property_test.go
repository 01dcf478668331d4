package shm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/shmchan/shmchan/internal/busguard"
)

// errFails is the error of a function that Each calls.
var errFails = errors.New("the message is not taken")

// machine is a ring and its model. Every operation must have the same outcome on
// both.
type machine struct {
	model
	r    *Ring
	p    []*Producer
	c    *Consumer
	open []*record // of each sender, or nil
	dead []bool
}

func newMachine(t *rapid.T, r *Ring) *machine {
	start := lap(r) + rapid.Uint64Range(0, r.mask).Draw(t, "offset")&^15
	restart(r, start)
	r.ctl.received.Store(0)
	m := &machine{r: r, open: make([]*record, senders), dead: make([]bool, senders)}
	m.model = model{capacity: r.capacity, align: r.align, mirrored: r.mirrored, head: start, tail: start}
	for i := range senders {
		m.p = append(m.p, r.NewProducer(i, true))
	}
	m.c = newConsumer(t, r)
	return m
}

// sender draws a live sender without an open claim.
func (m *machine) sender(t *rapid.T) int {
	i := rapid.IntRange(0, senders-1).Draw(t, "sender")
	if m.open[i] != nil || m.dead[i] {
		t.Skip("busy or dead")
	}
	return i
}

func (m *machine) message(t *rapid.T) []byte {
	sizes := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, m.r.MaxMessage()))
	return []byte(text(sizes.Draw(t, "size"), rapid.IntRange(0, 9).Draw(t, "text")))
}

func (m *machine) Put(t *rapid.T) {
	i, msg := m.sender(t), m.message(t)
	err := m.p[i].Put(msg)
	m.requireRoom(t, m.claim(i, uint64(len(msg)), [][]byte{msg}), err)
}

func (m *machine) requireRoom(t *rapid.T, rec *record, err error) {
	if rec == nil {
		require.ErrorIs(t, err, ErrFull)
	} else {
		require.NoError(t, err)
	}
}

func (m *machine) PutBatch(t *rapid.T) {
	i := m.sender(t)
	var msgs [][]byte
	for range rapid.IntRange(2, 6).Draw(t, "messages") {
		msgs = append(msgs, []byte(text(rapid.IntRange(0, 150).Draw(t, "size"), len(msgs))))
	}
	n, err := m.p[i].PutBatch(msgs)
	size := uint64(0)
	for _, msg := range msgs {
		size += uint64(BatchHeader+len(msg)+7) / 8 * 8
	}
	m.requireRoom(t, m.claim(i, size, msgs), err)
	if err == nil {
		require.Equal(t, len(msgs), n)
	}
}

func (m *machine) Claim(t *rapid.T) {
	i, msg := m.sender(t), m.message(t)
	b, err := m.p[i].Claim(len(msg))
	rec := m.claim(i, uint64(len(msg)), [][]byte{msg})
	m.requireRoom(t, rec, err)
	if rec != nil {
		copy(b, msg)
		rec.open, m.open[i] = true, rec
	}
}

// finish draws a sender with an open claim, and removes the claim from the open
// ones.
func (m *machine) finish(t *rapid.T) (int, *record) {
	i := rapid.IntRange(0, senders-1).Draw(t, "sender")
	rec := m.open[i]
	if rec == nil || m.dead[i] {
		t.Skip("no claim")
	}
	m.open[i] = nil
	return i, rec
}

func (m *machine) Commit(t *rapid.T) {
	i, rec := m.finish(t)
	rec.open = false
	m.p[i].Commit()
}

func (m *machine) Abort(t *rapid.T) {
	i, rec := m.finish(t)
	rec.open, rec.msgs = false, nil
	m.p[i].Abort()
}

// Die kills a sender in the middle of its claim, which stays open.
func (m *machine) Die(t *rapid.T) {
	i, _ := m.finish(t)
	m.dead[i] = true
}

// Reap gives a dead sender's slot to another sender. That must be possible as soon
// as the dead claim is below the published head, and not before.
func (m *machine) Reap(t *rapid.T) {
	i := rapid.IntRange(0, senders-1).Draw(t, "sender")
	if !m.dead[i] {
		t.Skip("alive")
	}
	s := &m.r.slots[1+i]
	gone := m.p[i].pos < m.head
	require.Equal(t, gone, m.r.settled(s))
	if gone {
		m.r.vacate(i)
		m.dead[i], m.p[i] = false, m.r.NewProducer(i, true)
	}
}

func (m *machine) Next(t *rapid.T) {
	got, err := m.c.Next()
	if !m.passPadding() {
		require.ErrorIs(t, err, ErrEmpty)
		return
	}
	require.NoError(t, err)
	m.requireNext(t, got)
	m.take()
}

// passPadding advances to the next message, and reports whether there is one.
func (m *machine) passPadding() bool {
	for m.at.record < len(m.records) && !m.records[m.at.record].open && len(m.records[m.at.record].msgs) == 0 {
		m.pass()
	}
	return m.at.record < len(m.records) && !m.records[m.at.record].open
}

// requireNext requires that the receiver has received the next message.
func (m *machine) requireNext(t *rapid.T, got []byte) {
	rec := m.records[m.at.record]
	require.Equal(t, string(rec.msgs[m.at.msg]), string(got))
	o := m.c.Origin()
	o.PID = 0
	require.Equal(t, Origin{Seq: m.received + uint64(m.unreleased) + 1, Position: rec.pos, Index: m.at.msg, Slot: rec.slot}, o)
}

func (m *machine) take() {
	m.unreleased++
	if m.at.msg++; m.at.msg == len(m.records[m.at.record].msgs) {
		m.at = spot{m.at.record + 1, 0}
	}
}

// Append takes the next message in the common case, and otherwise changes nothing.
func (m *machine) Append(t *rapid.T) {
	got, ok := m.c.Append([]byte("before "), busguard.None())
	there := m.unreleased == 0 && m.at.record < len(m.records) && !m.records[m.at.record].open && len(m.records[m.at.record].msgs) > 0
	if !ok {
		require.Equal(t, "before ", string(got))
		resumes := m.at.msg > 0 && m.c.skip > 0 // of what a receiver before took, Next passes the rest
		long := there && len(m.records[m.at.record].msgs[m.at.msg]) > copyPiece
		require.True(t, !there || resumes || long, "it left the next message to Next")
		return
	}
	require.True(t, there)
	require.Equal(t, "before ", string(got[:7]))
	m.requireNext(t, got[7:])
	m.take()
	m.release()
}

// Each takes some messages, one of which may fail, by an error or a panic.
func (m *machine) Each(t *rapid.T) {
	if m.unreleased > 0 {
		t.Skip("there are messages that were not released")
	}
	limit := rapid.IntRange(1, 8).Draw(t, "limit")
	fails, panics := rapid.IntRange(1, 10).Draw(t, "fails"), rapid.Bool().Draw(t, "panics")
	took, failed := 0, false
	each := func() (n int, err error) {
		defer func() {
			if panics && failed {
				require.Equal(t, errFails, recover())
				n, err = took, errFails
			}
		}()
		return m.c.Each(limit, m.c.Position()+m.capacity, busguard.None(), func(msg []byte) error {
			require.True(t, m.passPadding())
			m.requireNext(t, msg)
			switch failed = took+1 == fails; {
			case failed && panics:
				panic(errFails)
			case failed:
				return errFails
			}
			m.take()
			m.release()
			took++
			return nil
		})
	}
	n, err := each()
	require.Equal(t, took, n)
	if failed {
		require.Equal(t, errFails, err)
		m.c.Rewind()
		return
	}
	require.NoError(t, err)
	require.True(t, took == limit || !m.passPadding(), "it stopped before the last message")
}

func (m *machine) Recover(t *rapid.T) {
	skipped, err := m.c.Recover(func(slot int) bool { return m.dead[slot] })
	require.NoError(t, err)
	may := m.at.record < len(m.records) && m.at.msg == 0 && m.records[m.at.record].open && m.dead[m.records[m.at.record].slot]
	require.Equal(t, may, skipped)
	if may {
		m.pass()
	}
}

func (m *machine) Release(*rapid.T) {
	m.c.Release()
	m.release()
}

func (m *machine) Rewind(*rapid.T) {
	m.c.Rewind()
	m.at, m.unreleased = m.mark, 0
}

// Succeed replaces a killed receiver with another one.
func (m *machine) Succeed(t *rapid.T) {
	m.c = newConsumer(t, m.r)
	m.at, m.unreleased = m.mark, 0
}

// Check is called after every step.
func (m *machine) Check(t *rapid.T) {
	require.Equal(t, m.tail, m.r.Tail())
	require.Equal(t, m.head, m.r.Head())
	require.Equal(t, m.unreleased, m.c.Unreleased())
	require.Equal(t, m.position(), m.c.Position())
	require.Equal(t, m.received, m.r.progress().messages)
	inFlight, err := m.c.InFlight()
	require.NoError(t, err)
	require.Equal(t, m.position() != m.tail, inFlight)
}

func TestRingBehavesAsAQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		rapid.Check(t, func(t *rapid.T) {
			t.Repeat(rapid.StateMachineActions(newMachine(t, r)))
		})
	})
}
