package ipc_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// goFiles returns the syntax of the files of this directory that match.
func goFiles(t *testing.T, match func(file string) bool) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	set := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if match(path) {
			file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	require.NotEmpty(t, files)
	return files
}

func isExample(file string) bool { return strings.HasPrefix(file, "example_") }

func isSource(file string) bool { return !strings.HasSuffix(file, "_test.go") }

// TestExamplesStandAlone checks that the documentation site can show each example as
// a complete program, and that go test compares its output.
func TestExamplesStandAlone(t *testing.T) {
	for _, e := range doc.Examples(goFiles(t, isExample)...) {
		require.NotNil(t, e.Play, "Example%s uses a declaration of another file", e.Name)
		require.NotEmpty(t, e.Output, "Example%s has no output", e.Name)
		require.NotEmpty(t, e.Doc, "Example%s has no doc comment", e.Name)
	}
}

// TestEveryEntryPointIsInAnExample checks that some example calls each exported
// function and method.
func TestEveryEntryPointIsInAnExample(t *testing.T) {
	used := map[string]bool{}
	for _, file := range goFiles(t, isExample) {
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				used[sel.Sel.Name] = true
			}
			return true
		})
	}
	for _, implicit := range []string{"Error", "String", "Unwrap"} {
		used[implicit] = true
	}
	for _, file := range goFiles(t, isSource) {
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.IsExported() && ofExported(fn) {
				require.True(t, used[fn.Name.Name], "no example calls %s", fn.Name.Name)
			}
		}
	}
}

// ofExported reports whether fn is a function, or a method of an exported type.
func ofExported(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(fn.Recv.List[0].Type, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		exported = exported || ok && id.IsExported() && len(id.Name) > 1 // not a type parameter
		return true
	})
	return exported
}

// TestFieldsOfCorruptErrorAreDocumented checks that the comment of CorruptError lists
// its fields: the documentation site shows none, since its type is an alias.
func TestFieldsOfCorruptErrorAreDocumented(t *testing.T) {
	files := goFiles(t, func(file string) bool { return file == "errors.go" })
	shown := ""
	for _, decl := range files[0].Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.TYPE && d.Specs[0].(*ast.TypeSpec).Name.Name == "CorruptError" {
			shown = d.Doc.Text()
		}
	}
	for field := range reflect.TypeFor[ipc.CorruptError]().Fields() {
		require.Regexp(t, `(?m)^\t`+field.Name+` +`+field.Type.String()+` +// `, shown)
	}
}
