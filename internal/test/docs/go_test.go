package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxRecipe is how many lines a recipe in Go may have between its imports and its func
// must, which all recipes share. Blank lines do not count.
const maxRecipe = 40

// goBlock matches a program and, where one follows, its output.
var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```\n(?:\n```output\n(.*?)^```\n)?")

// recipe is a section of docs/go.md: a program that prints output, or a test.
type recipe struct {
	title, dir, program, output string
}

func (r recipe) isTest() bool { return strings.Contains(r.program, "\nfunc Test") }

// TestGoRecipesRunAsPrinted builds the programs of docs/go.md in one module and runs
// each in a directory of its own.
func TestGoRecipesRunAsPrinted(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs/go.md"))
	require.NoError(t, err)
	module := newWorkshop(t, root, "")
	recipes := recipesIn(t, string(page))
	for _, r := range recipes {
		name := "main.go"
		if r.isTest() {
			name = "recipe_test.go"
		}
		module.write(t, filepath.Join(r.dir, name), r.program)
	}
	module.goTool(t, "vet", "./...")
	unformatted, err := exec.Command("gofmt", "-l", module.dir).Output()
	require.NoError(t, err)
	require.Empty(t, string(unformatted))
	programs := t.TempDir()
	module.goTool(t, "build", "-o", programs+"/", "./...")

	for _, r := range recipes {
		t.Run(r.title, func(t *testing.T) {
			if r.isTest() {
				module.goTool(t, "test", "-count=1", "./"+r.dir)
				return
			}
			require.Equal(t, r.output, newPlace(t, programs).run(t, r.dir))
		})
	}
}

func recipesIn(t *testing.T, page string) (recipes []recipe) {
	t.Helper()
	for i, section := range strings.Split(page, "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		m := goBlock.FindStringSubmatch(text)
		require.NotNil(t, m, "%s has no program", title)
		r := recipe{title, fmt.Sprintf("recipe%d", i), m[1], m[2]}
		require.True(t, strings.HasPrefix(r.program, "package "), "%s: not a whole program", title)
		require.True(t, r.isTest() || r.output != "", "%s: its output is not shown", title)
		fences := 2
		if r.output != "" {
			fences = 4
		}
		require.Equal(t, fences, strings.Count(text, "```"), "%s: a block that nothing looks at", title)

		_, body, _ := strings.Cut(r.program, "\n)\n")
		body, _, _ = strings.Cut(body, "\nfunc must[")
		lines := 0
		for line := range strings.Lines(body) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		require.LessOrEqual(t, lines, maxRecipe, title)
		recipes = append(recipes, r)
	}
	require.NotEmpty(t, recipes)
	return recipes
}

// goTool runs a go command in the workshop.
func (w workshop) goTool(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = w.dir, append(w.env, "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s: %s", strings.Join(args, " "), out)
}
