package shm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestSegmentIsOfAnotherBootOnlyIfNothingElseExplainsItsBootID(t *testing.T) {
	lock := func(t *testing.T, s *Segment) {
		ok, err := s.LockReceiver()
		require.NoError(t, err)
		require.True(t, ok)
	}
	another := func(h *header) { h.bootID[7] ^= 1 }
	for what, test := range map[string]struct {
		memory bool // where the file lies
		change func(h *header)
		others func(*testing.T, *Segment) // what another open of it holds
		own    func(*testing.T, *Segment) // what the one that judges holds
		want   bool
	}{
		"this boot":                    {change: func(*header) {}},
		"an unknown boot":              {change: func(h *header) { h.bootID = [16]byte{} }},
		"another boot":                 {change: another, want: true},
		"another id, in memory":        {change: another, memory: true},
		"another id, a receiver":       {change: another, others: lock},
		"another id, a sender":         {change: another, others: func(t *testing.T, s *Segment) { attach(t, s, 1) }},
		"another id, the last sender":  {change: another, others: func(t *testing.T, s *Segment) { attach(t, s, 1); attach(t, s, 2); attach(t, s, 3) }},
		"another boot, one's own lock": {change: another, own: lock, want: true},
		"another boot, a killed end": {change: another, want: true, others: func(t *testing.T, s *Segment) {
			attach(t, s, 1)
			die(t, s)
		}},
	} {
		t.Run(what, func(t *testing.T) {
			p := placeIn(t)
			if !test.memory {
				p.Dir = proctest.DiskDir(t)
			}
			patchAt(t, p, true, test.change)
			s := openAt(t, p)
			if test.others != nil {
				test.others(t, openAt(t, p))
			}
			if test.own != nil {
				test.own(t, s)
			}
			for _, judge := range []func(Place) (*Segment, error){
				func(Place) (*Segment, error) { return s, nil },
				OpenReadOnly,
			} {
				j, err := judge(p)
				require.NoError(t, err)
				other, err := j.OtherBoot()
				require.NoError(t, err)
				require.Equal(t, test.want && (j == s || test.own == nil), other)
				if j != s {
					require.NoError(t, j.Close())
				}
			}
		})
	}
}
