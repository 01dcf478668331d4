package watch

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// at returns a sample of the channel jobs.
func at(messages, bytes, received uint64, ends ...ipc.End) []ipc.Entry {
	return []ipc.Entry{{Name: "jobs", Stats: ipc.Stats{
		Name: "jobs", Path: "/jobs", Capacity: 1000, Created: noon, Messages: messages, Bytes: bytes, Received: received, Senders: ends,
	}}}
}

func TestRatesAreOfTheTimeBetweenSamples(t *testing.T) {
	var h History
	first := h.Add(noon, at(100, 1000, 50, ipc.End{Slot: 3, PID: 7, Messages: 10, Bytes: 20}))
	require.False(t, first[0].Known)
	require.Empty(t, first[0].Points)

	second := h.Add(noon.Add(2*time.Second), at(120, 1500, 90,
		ipc.End{Slot: 1, PID: 8, Messages: 4, Bytes: 8}, ipc.End{Slot: 3, PID: 7, Messages: 14, Bytes: 40}))
	require.True(t, second[0].Known)
	require.Equal(t, Rates{Messages: 10, Bytes: 250, Received: 20}, second[0].Rates)
	require.Equal(t, []Rates{{Messages: 2, Bytes: 4}, {Messages: 2, Bytes: 10}}, second[0].Senders)
	require.Len(t, second[0].Points, 1)
}

func TestASlotThatChangedHandsCountsAnew(t *testing.T) {
	var h History
	h.Add(noon, at(0, 0, 0, ipc.End{Slot: 0, PID: 7, Messages: 100}))
	got := h.Add(noon.Add(time.Second), at(0, 0, 0, ipc.End{Slot: 0, PID: 8, Messages: 5}))
	require.Equal(t, 5.0, got[0].Senders[0].Messages)
}

func TestAChannelMadeAnewBeginsAnew(t *testing.T) {
	var h History
	h.Add(noon, at(100, 0, 0))
	made := at(1, 0, 0)
	made[0].Stats.Created = noon.Add(time.Second)
	require.False(t, h.Add(noon.Add(time.Second), made)[0].Known)
	require.Empty(t, h.Gone())
}

func TestGoneChannelsAreTold(t *testing.T) {
	var h History
	h.Add(noon, at(0, 0, 0))
	broken := []ipc.Entry{{Name: "x", Err: errors.New("no channel")}}
	require.Error(t, h.Add(noon.Add(time.Second), broken)[0].Err)
	require.Equal(t, []string{"jobs"}, h.Gone())
	h.Add(noon.Add(2*time.Second), broken)
	require.Empty(t, h.Gone())
}

func TestPointsReachBackAMinute(t *testing.T) {
	var h History
	var kept []Point
	for i := range 200 {
		c := h.Add(noon.Add(time.Duration(i)*time.Second), at(uint64(i), 0, 0))[0]
		if i == 100 {
			kept = c.Points
		}
	}
	last := h.Add(noon.Add(200*time.Second), at(200, 0, 0))[0]
	require.Len(t, last.Points, 60)
	require.Equal(t, noon.Add(200*time.Second), last.Points[59].To)
	require.Equal(t, noon.Add(100*time.Second), kept[59].To, "what was handed out stays as it was")
}

func TestWhoBlocks(t *testing.T) {
	claim, elsewhere := uint64(40), uint64(60)
	sender := func(state ipc.State, claim *uint64) ipc.End {
		return ipc.End{Slot: 2, PID: 9, State: state, Claim: claim}
	}
	receiver := func(state ipc.State) *ipc.End { return &ipc.End{Slot: -1, PID: 4, State: state} }
	stats := func(used int, r *ipc.End, senders ...ipc.End) *ipc.Stats {
		return &ipc.Stats{Capacity: 100, Head: 40, Tail: 40 + uint64(used), Used: used, Receiver: r, Senders: senders}
	}
	alive, stalled, dead := ipc.StateAlive, ipc.StateStalled, ipc.StateDead
	for _, tt := range []struct {
		name        string
		before, now *ipc.Stats
		slot        int // -3: nobody
	}{
		{"nobody", nil, stats(10, receiver(alive), sender(alive, nil)), -3},
		{"a claim that has just begun", nil, stats(10, receiver(alive), sender(alive, &claim)), -3},
		{"a claim that stays", stats(10, receiver(alive), sender(alive, &claim)), stats(10, receiver(alive), sender(alive, &claim)), 2},
		{"a stopped sender's claim", nil, stats(10, receiver(alive), sender(stalled, &claim)), 2},
		{"a stopped sender's claim that is not the next", nil, stats(30, receiver(alive), sender(stalled, &elsewhere)), -3},
		{"a note of a claim that was never made", nil, stats(0, receiver(alive), sender(dead, &claim)), -3},
		{"full without a receiver", nil, stats(80, nil), NoSlot},
		{"full with a stopped receiver", nil, stats(80, receiver(stalled)), -1},
		{"full with a slow receiver", nil, stats(80, receiver(alive)), -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := blockOf(tt.before, tt.now)
			if tt.slot == -3 {
				require.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			require.Equal(t, tt.slot, got.Slot)
		})
	}
}
