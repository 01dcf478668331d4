//go:build linux && !race

package shm

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSenderWhoseTailIsOvertakenByHeadStartsOver(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, 0)
	p := g.NewProducer(0, true)
	g.ctl.tail.Store(g.capacity) // full, as far as the sender knows
	var err error
	now := 3*g.capacity - 64
	g.paused(controlHigh, func() { _, err = p.Claim(10) }, func(content []byte) {
		g.ctl.tail.Store(now)
		binary.LittleEndian.PutUint64(content, now-128) // head
	})
	require.NoError(t, err)
	require.Equal(t, now, p.pos)
	require.Equal(t, now|1, p.slot.intent.Load())
}

// It would keep recovery from skipping a dead claim at that position.
func TestSenderThatLosesTheRaceAndFindsNoRoomLeavesNoIntent(t *testing.T) {
	for name, send := range map[string]func(p *Producer) error{
		"claim": func(p *Producer) error { _, err := p.Claim(10); return err },
		"put":   func(p *Producer) error { return p.Put(make([]byte, 10)) },
		"batch": func(p *Producer) error { _, err := p.PutBatch([][]byte{nil, nil}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGlass(t, beforeHead, beforeBeat, 0)
			p := g.NewProducer(0, true)
			var err error
			g.paused(slotsLow, func() { err = send(p) }, func([]byte) {
				g.ctl.tail.Store(g.capacity)
			})
			require.ErrorIs(t, err, ErrFull)
			require.EqualValues(t, noIntent, p.slot.intent.Load())
		})
	}
}

func TestSenderThatLosesTheRaceClaimsBehindTheWinner(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, 0)
	p, c := ends(t, g.Ring)
	var err error
	g.paused(slotsLow, func() { err = p[0].Put([]byte("second")) }, func([]byte) {
		put(t, p[1], "first")
	})
	require.NoError(t, err)
	take(t, c, "first", "second")
	requireIdle(t, c)
}

// A sender claims after the dead claim while the receiver is about to read tail.
func TestClaimMadeAsRecoveryBeginsIsNotSkipped(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, 0)
	p, c := ends(t, g.Ring)
	claim(t, p[0], 100)
	end := g.Tail()
	var skipped bool
	var err error
	recover := func() { skipped, err = c.Recover(func(slot int) bool { return slot == 0 }) }
	g.paused(controlLow, recover, func(content []byte) {
		p[1].slot.intent.Store(end | 1)
		tail := content[g.page-beforeHead:]
		binary.LittleEndian.PutUint64(tail, end+64)
	})
	require.NoError(t, err)
	require.True(t, skipped)
	require.Equal(t, end, c.Position())
}
