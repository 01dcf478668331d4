package ipc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const behaviours = "../docs/behaviours.md"

// A row of the table: | behaviour | inspired by | `TestName` |
var row = regexp.MustCompile("^\\| (.+) \\| (.+) \\| `(Test\\w+)` \\|$")

var sources = []string{"std", "crossbeam", "Agrona", "iceoryx2", "own"}

func TestEveryBehaviourInTheTableHasItsTest(t *testing.T) {
	tests := testFunctions(t)
	raw, err := os.ReadFile(behaviours)
	require.NoError(t, err)
	seen := map[string]bool{}
	listed := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			require.NotContains(t, line, "`Test", "a row that the table's reader does not know")
			continue
		}
		behaviour, from, test := m[1], m[2], m[3]
		require.False(t, seen[behaviour], "listed twice: %s", behaviour)
		seen[behaviour] = true
		for source := range strings.SplitSeq(from, ", ") {
			require.Contains(t, sources, source)
		}
		require.Contains(t, tests, test, "no such test, for: %s", behaviour)
		listed[test] = true
	}
	require.GreaterOrEqual(t, len(seen), 60)
	for test, file := range tests {
		if file != "behaviours_test.go" && !typed.MatchString(file) {
			require.True(t, listed[test], "%s in %s has no row in %s: say there what it proves", test, file, behaviours)
		}
	}
}

// typed are the files that test the codecs, which the table is not about.
var typed = regexp.MustCompile(`^(codec|typed|example)`)

// testFunctions returns the tests of this directory and the files they are in.
func testFunctions(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	tests := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		if parsed.Name.Name != "ipc_test" {
			continue // tests of the inside
		}
		for _, decl := range parsed.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") && fn.Name.Name != "TestMain" {
				tests[fn.Name.Name] = file
			}
		}
	}
	return tests
}
