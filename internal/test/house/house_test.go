// Package house checks the rules of this tree that the compiler does not check.
package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/shmchan/shmchan/"

// maxLines bounds the length of a file.
const maxLines = 350

// layers lists the packages from the top; imports run downwards only.
var layers = []string{"cmd", "ipc", "shm", "internal"}

// upward lists packages that only tests import and that may import upwards.
var upward = []string{"internal/test/proctest"}

// typed lists the names in sync/atomic that are not untyped functions.
var typed = map[string]bool{
	"Bool": true, "Int32": true, "Int64": true, "Uint32": true, "Uint64": true,
	"Uintptr": true, "Pointer": true, "Value": true,
}

type file struct {
	path   string // from the root of the tree, with slashes
	source []byte
	syntax *ast.File
}

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f file) imports(yield func(string) bool) {
	for _, spec := range f.syntax.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err != nil || !yield(path) {
			return
		}
	}
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

func withinAny(path string, dirs []string) bool {
	for _, dir := range dirs {
		if within(path, dir) {
			return true
		}
	}
	return false
}

// goFiles returns every Go file of the module.
func goFiles(t *testing.T) []file {
	t.Helper()
	const root = "../../.."
	var files []file
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if hidden := strings.HasPrefix(d.Name(), ".") && path != root; hidden || d.Name() == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files = append(files, file{filepath.ToSlash(rel), source, syntax})
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func TestHouseRules(t *testing.T) {
	files := goFiles(t)
	for name, rule := range map[string]func(*testing.T, file){
		"imports run one way":                                        checkLayers,
		"unsafe stands in its own files":                             checkUnsafe,
		"imports from outside are allowed one by one":                func(t *testing.T, f file) { assert.Empty(t, checkImports(f)) },
		"children are started so that orphans can be told from them": checkChildren,
		"atomics are typed":                                          checkAtomics,
		"a file can be read in one sitting":                          checkLength,
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range files {
				rule(t, f)
			}
		})
	}
}

func layer(path string) int {
	for i, l := range layers {
		if within(path, l) {
			return i
		}
	}
	return -1
}

func checkLayers(t *testing.T, f file) {
	own := layer(f.path)
	if own < 0 || f.isTest() || withinAny(f.path, upward) {
		return
	}
	for path := range f.imports {
		to, ok := strings.CutPrefix(path, module)
		if !ok {
			continue
		}
		if withinAny(to, upward) {
			t.Errorf("%s imports %s, which is for tests", f.path, path)
		}
		if its := layer(to); its < own {
			t.Errorf("%s imports %s: imports run %s", f.path, path, strings.Join(layers, " → "))
		}
	}
}

func checkUnsafe(t *testing.T, f file) {
	if f.isTest() || strings.HasSuffix(f.path, "_unsafe.go") {
		return
	}
	for path := range f.imports {
		if path == "unsafe" {
			t.Errorf("%s imports unsafe: its name must end in _unsafe.go", f.path)
		}
	}
}

// checkChildren checks that files of the command start processes by
// cmd/shmchan/internal/children, since the command may be the first process of a
// container, which reaps orphans.
func checkChildren(t *testing.T, f file) {
	if f.isTest() || !within(f.path, "cmd") || within(f.path, "cmd/shmchan/internal/children") {
		return
	}
	runs, known := false, false
	for path := range f.imports {
		runs = runs || path == "os/exec"
		known = known || path == module+"cmd/shmchan/internal/children"
	}
	if runs && !known {
		t.Errorf("%s imports os/exec: start processes by cmd/shmchan/internal/children", f.path)
	}
}

func checkAtomics(t *testing.T, f file) {
	name := ""
	for _, spec := range f.syntax.Imports {
		if spec.Path.Value == `"sync/atomic"` {
			if name = "atomic"; spec.Name != nil {
				name = spec.Name.Name
			}
		}
	}
	if name == "" {
		return
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && !typed[sel.Sel.Name] {
			t.Errorf("%s uses atomic.%s: use a typed atomic", f.path, sel.Sel.Name)
		}
		return true
	})
}

func checkLength(t *testing.T, f file) {
	if n := bytes.Count(f.source, []byte("\n")); n > maxLines {
		t.Errorf("%s has %d lines, more than %d", f.path, n, maxLines)
	}
}
