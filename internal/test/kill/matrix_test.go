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

// points reads the names of all failpoints, each of which must be explained.
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

// tries is how often a situation is set up again if its victim did not come to
// its point: where others are busy, that is chance.
const tries = 8

// thrice late in a row is an error; less often, a machine that let the process run
// but not the thread that had to.
const thrice = 3

// clock bounds how late the others may be.
var clock *proctest.Clock

// TestEveryPointInEverySituation first lets each scenario play to its end, to
// learn which points it reaches, and how often. Then a process dies, and another
// one is stopped, at the first and the last of these.
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
						if lates++; lates < thrice {
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
				chance.Add(1) // the doing of a heartbeat, or of busy ones
			})
		}
	})
	if !t.Failed() {
		fmt.Printf("%d points × their situations: %d, all passed; %d did not come about again\n", len(all), passed.Load(), chance.Load())
	}
}

// certain reports whether the story leads to the point whenever it is played to its
// end: on a busy machine a sleeper may wake at a moment at which a quiet one has it
// sleep, and find what it otherwise never meets.
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
