//go:build failpoints

package kill

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// points returns the names of all failpoints, each of which must have a comment.
func points(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../../failpoint/points.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var all []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		require.NotNil(t, spec.Comment, "%s has no line of meaning", spec.Names[0].Name)
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		all = append(all, name)
		return true
	})
	return all
}

// tries is how often a situation is repeated if its victim did not reach its point,
// which is a matter of chance if others are busy.
const tries = 8

// maxLate is the number of late runs in a row that is an error. With fewer, the machine
// may have run the process but not the thread that mattered.
const maxLate = 3

// clock bounds the delay of the others.
var clock *proctest.Clock

// TestEveryPointInEverySituation first runs each scenario undisturbed, to learn which
// points it reaches and how often. Then one process is killed, and another is
// stopped, at the first and the last hit of each.
func TestEveryPointInEverySituation(t *testing.T) {
	all := points(t)
	clock = proctest.StartClock(t)
	var mu sync.Mutex
	var cells []cell
	reached := map[string]int{}
	t.Run("reach", func(t *testing.T) {
		for _, s := range scenarios {
			for _, c := range s.surroundings() {
				t.Run(c.String(), func(t *testing.T) {
					t.Parallel()
					a := newArena(t, c)
					require.True(t, s.story(a))
					mu.Lock()
					defer mu.Unlock()
					for point, n := range a.hits {
						reached[point]++
						cells = append(cells, c.fates(point, n)...)
					}
				})
			}
		}
	})
	t.Run("list", func(t *testing.T) {
		for _, p := range all {
			require.Positive(t, reached[p], "no situation reaches %q", p)
		}
		require.Len(t, all, len(reached), "a point is hit that is not in the list")
	})
	var passed, chance atomic.Int32
	t.Run("fate", func(t *testing.T) {
		for _, c := range cells {
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				lates := 0
				for range tries {
					a := newArena(t, c)
					if !c.story(a) {
						continue
					}
					if a.late != "" {
						if lates++; lates < maxLate {
							continue
						}
						t.Error(a.late)
					}
					passed.Add(1)
					return
				}
				if c.hit == 1 && !(c.busy && c.ends) && certain(t, c) {
					t.Error("the victim did not come to its point")
				}
				chance.Add(1) // caused by a heartbeat, or by busy processes
			})
		}
	})
	if !t.Failed() {
		fmt.Printf("%d points × their situations: %d, all passed; %d did not come about again\n", len(all), passed.Load(), chance.Load())
	}
}

// certain reports whether every complete run of the story reaches the point. On a
// busy machine a sleeper may wake at a moment at which it sleeps on a quiet one, and
// reach points that it otherwise never reaches.
func certain(t *testing.T, c cell) bool {
	point := c.point
	c.point, c.hit, c.action = "", 0, ""
	for range tries {
		a := newArena(t, c)
		require.True(t, c.story(a))
		if a.hits[point] == 0 {
			t.Logf("without a fate the victim came to %q in some runs only", point)
			return false
		}
	}
	return true
}
