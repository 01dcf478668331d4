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

// row matches a row of the table: | behaviour | inspired by | `TestName` |
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
			require.NotContains(t, line, "`Test", "malformed row")
			continue
		}
		behaviour, from, test := m[1], m[2], m[3]
		require.False(t, seen[behaviour], "listed twice: %s", behaviour)
		seen[behaviour] = true
		for source := range strings.SplitSeq(from, ", ") {
			require.Contains(t, sources, source)
		}
		require.Contains(t, tests, test, "no such test for: %s", behaviour)
		listed[test] = true
	}
	require.GreaterOrEqual(t, len(seen), 60)
	for test, file := range tests {
		if file != "behaviours_test.go" && !typed.MatchString(file) {
			require.True(t, listed[test], "%s in %s has no row in %s: add one that says what it proves", test, file, behaviours)
		}
	}
}

// typed matches the files that test codecs, which the table does not cover.
var typed = regexp.MustCompile(`^(codec|typed|example)`)

// testFunctions maps the tests of this directory to their files.
func testFunctions(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	tests := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		if parsed.Name.Name != "ipc_test" {
			continue // internal tests
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
