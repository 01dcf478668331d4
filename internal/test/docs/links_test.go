package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	// link matches the target of a link within the tree, without its fragment.
	link = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)

	fencedBlock = regexp.MustCompile("(?ms)^```.*?^```$")
)

// TestLinksInDocumentsLead checks that each link to a file leads to one, and that
// docs/README.md lists every document.
func TestLinksInDocumentsLead(t *testing.T) {
	listed := map[string]bool{}
	for _, page := range documents(t) {
		raw, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(fencedBlock.ReplaceAllString(string(raw), ""), -1) {
			to := filepath.Join(filepath.Dir(page), m[1])
			require.FileExists(t, to, "a link of %s", page)
			if strings.HasSuffix(page, "docs/README.md") {
				listed[to] = true
			}
		}
	}
	for _, page := range documents(t) {
		if filepath.Base(page) != "README.md" {
			require.True(t, listed[page], "docs/README.md does not list %s", page)
		}
	}
}
