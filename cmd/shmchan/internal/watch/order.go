package watch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shmchan/shmchan/ipc"
)

// order is what the list is sorted by.
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

// selected are the channels whose name holds filter, in order; all but names from
// the greatest on. all stays as it is.
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

// troubleFirst are the indices of a channel's senders: first who blocks, then who
// does not go on, each in order of slot, as the others are.
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
