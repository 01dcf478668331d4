//go:build linux && !race

package shm

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The receiver stops after it has cleared the flag (V2) and before it looks at the
// slots (V3).
func TestReviewDropsNoFenceThatASenderAsksForMeanwhile(t *testing.T) {
	const state, mark = unsafe.Offsetof(slot{}.state) - beforeBeat, unsafe.Offsetof(slot{}.mustFence) - beforeBeat
	set := func(content []byte, at uintptr, v uint32) { binary.NativeEndian.PutUint32(content[at:], v) }
	for what, c := range map[string]struct {
		before    bool // the sender has asked
		meanwhile func(g *glass, content []byte)
		want      bool
	}{
		"it asked before": {true, func(*glass, []byte) {}, true},
		"it asks now": {false, func(g *glass, content []byte) {
			set(content, mark, 1)
			g.ctl.line.flags.Or(lineFence)
		}, true},
		"it has marked its slot, and asks afterwards": {false, func(_ *glass, content []byte) { set(content, mark, 1) }, true},
		"it leaves": {true, func(g *glass, content []byte) {
			set(content, state, slotFree)
			g.ctl.changes.Add(1)
		}, false},
		"nobody asks": {false, func(*glass, []byte) {}, false},
	} {
		t.Run(what, func(t *testing.T) {
			g := newGlass(t, beforeHead, beforeBeat, 0)
			g.slots[1].occupy(Owner{}, 0, 1, 1)
			consumer := newConsumer(t, g.Ring)
			g.ctl.changes.Add(1)
			if c.before {
				g.Waiter(0).MustFence()
			}
			g.ctl.line.flags.Or(lineFence) // another one did, which has gone
			g.paused(slotsHigh, consumer.Review, func(content []byte) { c.meanwhile(g, content) })
			require.Equal(t, c.want, lineAsked(g.Ring))
		})
	}
}
