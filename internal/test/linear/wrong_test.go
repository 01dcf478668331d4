package linear

import (
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// op is an operation of a history written by hand.
func op(c call, id int, from, to int64) porcupine.Operation {
	return porcupine.Operation{Input: input{call: c, id: id, length: 1000}, Call: from, Return: to}
}

func dead(o porcupine.Operation) porcupine.Operation {
	in := o.Input.(input)
	in.pending = true
	o.Input, o.Return = in, 1<<62
	return o
}

// The checker rejects wrong histories, each of which differs little from a right one.
func TestCheckerTellsRightFromWrong(t *testing.T) {
	type ops = []porcupine.Operation
	for name, h := range map[string]struct {
		ops   ops
		legal bool
	}{
		"in order":                       {ops{op(send, 1, 0, 1), op(send, 2, 2, 3), op(recv, 1, 4, 5), op(recv, 2, 6, 7)}, true},
		"out of order":                   {ops{op(send, 1, 0, 1), op(send, 2, 2, 3), op(recv, 2, 4, 5), op(recv, 1, 6, 7)}, false},
		"concurrent sends, either order": {ops{op(send, 1, 0, 3), op(send, 2, 2, 3), op(recv, 2, 4, 5), op(recv, 1, 6, 7)}, true},
		"received before it was sent":    {ops{op(recv, 1, 0, 1), op(send, 1, 2, 3)}, false},
		"received twice":                 {ops{op(send, 1, 0, 1), op(recv, 1, 2, 3), op(recv, 1, 4, 5)}, false},
		"lost":                           {ops{op(send, 1, 0, 1), op(empty, 0, 2, 3)}, false},
		"empty while it is being sent":   {ops{op(send, 1, 0, 5), op(empty, 0, 2, 3), op(recv, 1, 6, 7)}, true},
		"empty behind one being sent":    {ops{op(send, 1, 0, 9), op(send, 2, 1, 2), op(empty, 0, 3, 4), op(recv, 1, 10, 11), op(recv, 2, 12, 13)}, true},
		"empty before one being sent":    {ops{op(send, 1, 0, 9), op(send, 2, 1, 2), op(empty, 0, 3, 4), op(recv, 2, 10, 11), op(recv, 1, 12, 13)}, false},
		"full":                           {ops{op(send, 1, 0, 1), op(send, 2, 0, 1), op(send, 3, 0, 1), op(send, 4, 0, 1), op(full, 5, 2, 3)}, true},
		"full with room":                 {ops{op(send, 1, 0, 1), op(send, 2, 0, 1), op(send, 3, 0, 1), op(full, 5, 2, 3)}, false},
		"sent without room": {ops{
			op(send, 1, 0, 1), op(send, 2, 0, 1), op(send, 3, 0, 1), op(send, 4, 0, 1), op(send, 5, 2, 3), op(recv, 1, 4, 5)}, false},
		"died, and it is received":        {ops{dead(op(send, 1, 0, 0)), op(send, 2, 1, 2), op(recv, 1, 3, 4), op(recv, 2, 5, 6), op(empty, 0, 7, 8)}, true},
		"died, and it is skipped":         {ops{dead(op(send, 1, 0, 0)), op(send, 2, 1, 2), op(recv, 2, 5, 6), op(empty, 0, 7, 8)}, true},
		"died, and it came before it":     {ops{op(recv, 1, 0, 1), dead(op(send, 1, 2, 2))}, false},
		"died, and it comes twice":        {ops{dead(op(send, 1, 0, 0)), op(recv, 1, 1, 2), op(recv, 1, 3, 4)}, false},
		"died, and its room is taken yet": {ops{dead(op(send, 1, 0, 0)), op(send, 2, 1, 2), op(send, 3, 1, 2), op(send, 4, 1, 2), op(full, 5, 3, 4), op(recv, 2, 5, 6)}, true},
		"receiver died with one":          {ops{op(send, 1, 0, 1), op(send, 2, 0, 1), dead(op(recv, 0, 2, 2)), op(recv, 2, 3, 4), op(empty, 0, 5, 6)}, true},
		"receiver died with two":          {ops{op(send, 1, 0, 1), op(send, 2, 0, 1), dead(op(recv, 0, 2, 2)), op(empty, 0, 5, 6)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			want := porcupine.Illegal
			if h.legal {
				want = porcupine.Ok
			}
			require.Equal(t, want, check(t, h.ops))
		})
	}
}

// A recorded history is accepted, and rejected with any of its receptions dropped,
// repeated, or swapped with a distant one.
func TestRecordedHistoryIsWrongOnceItIsAltered(t *testing.T) {
	var ops []porcupine.Operation
	for seed := uint64(1); ; seed++ { // find one with a durable channel whose receiver lived
		ops, _ = record(t, seed)
		drained := count(ops, func(in input) bool { return in.call == send && !in.pending }) ==
			count(ops, func(in input) bool { return in.call == recv && !in.pending })
		if drained && ops[len(ops)-1].Input.(input).call == empty {
			break
		}
	}
	require.Equal(t, porcupine.Ok, check(t, ops))
	var receptions []int
	for i, op := range ops {
		if op.Input.(input).call == recv {
			receptions = append(receptions, i)
		}
	}
	for n, i := range receptions {
		if n%8 != 0 {
			continue
		}
		require.Equal(t, porcupine.Illegal, check(t, slices.Delete(slices.Clone(ops), i, i+1)), "dropped")

		twice := ops[i]
		twice.Call, twice.Return = 1<<61, 1<<61
		require.Equal(t, porcupine.Illegal, check(t, append(slices.Clone(ops), twice)), "told twice")

		far := receptions[(n+len(receptions)/2)%len(receptions)]
		swapped := slices.Clone(ops)
		swapped[i].Input, swapped[far].Input = ops[far].Input, ops[i].Input
		require.Equal(t, porcupine.Illegal, check(t, swapped), "swapped")
	}
}
