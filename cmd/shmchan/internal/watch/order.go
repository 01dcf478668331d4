package watch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shmchan/shmchan/ipc"
)

// order is the key by which the table is sorted.
type order int

const (
	byName order = iota
	byFill
	byMessages
	byBytes
	orders // how many there are
)

func (o order) String() string {
	return [...]string{"name", "fill", "messages/s", "bytes/s"}[o]
}

// selected returns the channels whose names contain filter, ignoring case, sorted. Only
// names sort in ascending order. It does not change all.
func selected(all []Channel, filter string, o order) []Channel {
	var some []Channel
	for i := range all {
		if strings.Contains(strings.ToLower(all[i].Name), strings.ToLower(filter)) {
			some = append(some, all[i])
		}
	}
	slices.SortStableFunc(some, func(a, b Channel) int {
		by := 0
		switch o {
		case byFill:
			by = cmp.Compare(b.Fill(), a.Fill())
		case byMessages:
			by = cmp.Compare(b.Rates.Messages, a.Rates.Messages)
		case byBytes:
			by = cmp.Compare(b.Rates.Bytes, a.Rates.Bytes)
		}
		return cmp.Or(by, cmp.Compare(a.Name, b.Name), cmp.Compare(a.Stats.Path, b.Stats.Path))
	})
	return some
}

// troubleFirst returns the indices of the senders of a channel: first one that blocks
// others, then those that are not alive, then the rest, each sorted by slot.
func troubleFirst(c *Channel) []int {
	rank := func(i int) int {
		e := &c.Stats.Senders[i]
		switch {
		case c.Block != nil && c.Block.Slot == e.Slot:
			return 0
		case e.State != ipc.StateAlive:
			return 1
		}
		return 2
	}
	all := make([]int, len(c.Stats.Senders))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}
