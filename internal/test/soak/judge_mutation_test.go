package soak

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// story is a round without violations: two senders, of which the second died while
// sending a message, and a durable channel whose first receiver died before it
// released the last message that it took.
func story() map[string][]record {
	const life, one, two = 77, 1 << 16, 2 << 16
	clock := int64(0)
	at := func(r record) record {
		clock += 10
		r.clock = clock
		return r
	}
	position, counts := uint64(0), map[uint64]uint64{}
	send := func(id uint64, n int) (b, e, r record) {
		msg := make([]byte, n)
		number := counts[id]
		counts[id]++
		fill(msg, id, number)
		r = record{what: received, length: uint32(n), position: position, slot: id >> 17, pid: uint32(id)}
		copy(r.head[:], msg)
		position += 64
		return at(record{what: begun, number: number, length: uint32(n)}), at(record{what: ended, number: number, length: 1}), r
	}
	a := []record{at(record{what: attached, number: one, pid: one, position: life})}
	b := []record{at(record{what: attached, number: two, pid: two, position: life})}
	b0, e0, r0 := send(one, 24)
	b1, e1, r1 := send(two, 24)
	b2, e2, r2 := send(one, 5)
	b3, e3, r3 := send(one, 40)
	b4, _, r4 := send(two, 30)
	a = append(a, b0, e0, b2, e2, b3, e3, at(record{what: flushed, number: 3}), at(record{what: left}))
	b = append(b, b1, e1, b4)
	first := []record{
		at(record{what: opened, position: life}), at(r0), at(r1), at(record{what: released}), at(r2), at(r3),
	}
	second := []record{
		at(record{what: opened, position: life}), at(r2), at(r3), at(r4), at(record{what: released}),
		at(record{what: drained}), at(record{what: closed}),
	}
	return map[string][]record{
		senders + "-1": a, senders + "-2": b, receivers + "-3": first, receivers + "-4": second,
	}
}

// judged writes the ledgers to files and judges them.
func judged(t *testing.T, ledgers map[string][]record) *judge {
	t.Helper()
	dir := t.TempDir()
	for name, records := range ledgers {
		var raw []byte
		for _, r := range records {
			raw = r.append(raw)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), raw, 0o600))
	}
	j := &judge{durable: true}
	j.readSenders(dir)
	j.completeness(j.readReceivers(dir))
	return j
}

func TestJudgeFindsNoFaultWhereThereIsNone(t *testing.T) {
	j := judged(t, story())
	require.Empty(t, j.faults)
	require.Equal(t, uint64(2), j.Repeated)
	require.Equal(t, uint64(1), j.InHand)
	require.Equal(t, uint64(4), j.Sent)
	require.Equal(t, uint64(7), j.Received)
}

func TestJudgeFindsEveryKindOfFault(t *testing.T) {
	const a, b, first, second = senders + "-1", senders + "-2", receivers + "-3", receivers + "-4"
	cut := func(l []record, i int) []record { return append(append([]record{}, l[:i]...), l[i+1:]...) }
	for name, spoil := range map[string]func(s map[string][]record){
		"lost, between others":         func(s map[string][]record) { s[first], s[second] = cut(s[first], 4), cut(s[second], 1) },
		"lost, the last of its sender": func(s map[string][]record) { s[first], s[second] = s[first][:5], cut(s[second], 2) },
		"lost, all of a sender":        func(s map[string][]record) { s[first], s[second] = cut(s[first], 2), cut(s[second], 3) },
		"received twice":               func(s map[string][]record) { s[second] = append(s[second], s[second][3]) },
		"repeated although released":   func(s map[string][]record) { s[first] = append(s[first], record{what: released}) },
		"repeated after a clean end":   func(s map[string][]record) { s[first] = append(s[first], record{what: closed}) },
		"the repetition differs":       func(s map[string][]record) { s[second][2].head[15]++ },
		"torn, a short one":            func(s map[string][]record) { s[first][4].head[3]++; s[second][1].head[3]++ },
		"torn, as the receiver saw":    func(s map[string][]record) { s[second][3].what = torn },
		"of another length":            func(s map[string][]record) { s[second][3].length++ },
		"order of one sender":          func(s map[string][]record) { s[first][1].head, s[first][5].head = s[first][5].head, s[first][1].head },
		"order of positions":           func(s map[string][]record) { s[first][1], s[first][2] = s[first][2], s[first][1] },
		"order across senders":         func(s map[string][]record) { s[b][1].clock, s[b][2].clock = 1e6, 1e6 },
		"received although it failed":  func(s map[string][]record) { s[a][6].length = 0 },
		"of nobody":                    func(s map[string][]record) { s[second][3].head[2] = 9 },
		"never begun":                  func(s map[string][]record) { s[b] = s[b][:3] },
		"of another process":           func(s map[string][]record) { s[second][3].pid = 5 },
		"flushed but not received": func(s map[string][]record) {
			s[a][6], s[a][7] = s[a][7], s[a][6]
			s[first], s[second] = s[first][:5], cut(s[second], 2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := story()
			spoil(s)
			require.NotEmpty(t, judged(t, s).faults)
		})
	}
}
