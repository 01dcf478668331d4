package docs

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNamesInDocumentsExist checks each code span that reads like a name of this tree:
// a file, a package, something declared in Go or in a model, a target of the Makefile.
func TestNamesInDocumentsExist(t *testing.T) {
	n := namesOf(t, tree)
	for _, page := range documents(t) {
		raw, err := os.ReadFile(page)
		require.NoError(t, err)
		for number, span := range spans(string(raw)) {
			if why := n.stale(span); why != "" {
				t.Errorf("%s:%d: `%s`: %s", strings.TrimPrefix(page, tree+"/"), number, span, why)
			}
		}
	}
}

const tree = "../../.."

// documents returns the paths of the pages that the tests check.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob(tree + "/docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	return append(pages, tree+"/README.md", tree+"/CONTRIBUTING.md")
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	goPath   = regexp.MustCompile(`^\.?[\w*-]+(/[\w.*-]+)+/?$`)
	fileName = regexp.MustCompile(`^[\w-]+\.(go|md|sh|pml|yml|yaml)$`)
	makeSpan = regexp.MustCompile(`^make ([a-z0-9-]+)`)
	dotted   = regexp.MustCompile(`^(\w+)\.(\w+)(?:\.(\w+))?$`)
	testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark|Example)[A-Z]\w*$`)
	goName   = regexp.MustCompile(`^([a-z]+[A-Z]\w*|[A-Z]\w*[a-z]\w*)$`)
	call     = regexp.MustCompile(`\(.*\)$`)
)

// spans yields the code spans of a page, outside of fenced blocks, by their line.
func spans(page string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		fenced, number := false, 0
		for line := range strings.Lines(page) {
			number++
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if fenced {
				continue
			}
			for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
				if !yield(number, m[1]) {
					return
				}
			}
		}
	}
}

// elsewhere are names of others that read like ours.
var elsewhere = map[string]bool{
	"IndexByte": true, // bytes.IndexByte
	"emptyDir":  true, // Kubernetes
	"fsGroup":   true,
}

// stale returns why a code span names nothing, or "". A span may be a way: `A → B`.
func (n names) stale(span string) string {
	if from, to, ok := strings.Cut(span, " → "); ok {
		return cmp.Or(n.stale(from), n.stale(to))
	}
	if m := makeSpan.FindStringSubmatch(span); m != nil {
		return unless(n.targets[m[1]], "no target of the Makefile")
	}
	name := call.ReplaceAllString(span, "")
	switch {
	case elsewhere[name]:
	case goPath.MatchString(name):
		top, _, _ := strings.Cut(name, "/")
		if n.files[top] && top != "testdata" {
			return unless(n.hasPath(strings.TrimSuffix(name, "/")), "no such file or directory")
		}
	case fileName.MatchString(name):
		return unless(n.bases[name], "no such file")
	case testName.MatchString(name):
		return unless(n.declared[name], "no such test")
	case dotted.MatchString(name):
		return n.staleDotted(dotted.FindStringSubmatch(name)[1:])
	case goName.MatchString(name):
		return unless(n.declared[name], "declared nowhere")
	}
	return ""
}

// staleDotted judges pkg.Name, pkg.Type.Member and Type.Member.
func (n names) staleDotted(parts []string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	for i, of := range parts[:len(parts)-1] {
		if n.members[of] == nil { // not of this tree
			return ""
		}
		if !n.members[of][parts[i+1]] {
			return of + " has no " + parts[i+1]
		}
	}
	return ""
}

func (n names) hasPath(pattern string) bool {
	if n.files[pattern] {
		return true
	}
	for file := range n.files {
		if ok, _ := path.Match(pattern, file); ok {
			return true
		}
	}
	return false
}

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}
