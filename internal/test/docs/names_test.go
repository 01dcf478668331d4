package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// names is what a document may name.
type names struct {
	files    map[string]bool            // files and directories, from the root of the tree
	bases    map[string]bool            // the same without their directories
	targets  map[string]bool            // of the Makefile
	declared map[string]bool            // functions, types, constants, variables, methods, fields, and words of the models
	members  map[string]map[string]bool // of a package (by its name) or type, what is declared in it
}

func (n names) member(of, name string) {
	if n.members[of] == nil {
		n.members[of] = map[string]bool{}
	}
	n.members[of][name] = true
	n.declared[name] = true
}

// namesOf reads the names of the tree at root.
func namesOf(t *testing.T, root string) names {
	t.Helper()
	n := names{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if rel == ".git" || rel == "bin" {
			return skip(d)
		}
		n.files[rel], n.bases[path.Base(rel)] = true, true
		switch path.Ext(rel) {
		case ".go":
			return n.addGo(file)
		case ".pml":
			return n.addWords(file)
		}
		return nil
	})
	require.NoError(t, err)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for _, m := range target.FindAllStringSubmatch(string(makefile), -1) {
		n.targets[m[1]] = true
	}
	return n
}

var (
	target = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	word   = regexp.MustCompile(`\w+`)
)

func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

// addWords adds every word of a model.
func (n names) addWords(file string) error {
	raw, err := os.ReadFile(file)
	for _, w := range word.FindAllString(string(raw), -1) {
		n.declared[w] = true
	}
	return err
}

// addGo adds what a Go file declares outside of functions.
func (n names) addGo(file string) error {
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	pkg := strings.TrimSuffix(syntax.Name.Name, "_test")
	for _, decl := range syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			of := pkg
			if d.Recv != nil {
				of = typeName(d.Recv.List[0].Type)
			}
			n.member(of, d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				n.addSpec(pkg, spec)
			}
		}
	}
	return nil
}

func (n names) addSpec(pkg string, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, id := range s.Names {
			n.member(pkg, id.Name)
		}
	case *ast.TypeSpec:
		n.member(pkg, s.Name.Name)
		ast.Inspect(s.Type, func(node ast.Node) bool {
			field, ok := node.(*ast.Field)
			if ok {
				for _, id := range field.Names {
					n.member(s.Name.Name, id.Name)
				}
			}
			return true
		})
	}
}

// typeName returns the name of a method's receiver type.
func typeName(expr ast.Expr) (name string) {
	ast.Inspect(expr, func(node ast.Node) bool {
		if id, ok := node.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return name
}
