package house

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allowed lists, by directory, which packages from outside the module and the
// standard library may be imported there and below; an entry stands for all
// packages below it too. The longest directory counts alone: what its parent may
// import, it may not. A directory without an entry may import nothing. Tests are
// free.
var allowed = map[string][]string{
	"cmd/shmchan":                     {"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"},
	"cmd/shmchan/internal":            {},
	"cmd/shmchan/internal/bench":      {"github.com/HdrHistogram/hdrhistogram-go", "golang.org/x/sys/unix"},
	"cmd/shmchan/internal/children":   {"golang.org/x/sys/unix"},
	"cmd/shmchan/internal/machine":    {"golang.org/x/sys/unix"},
	"cmd/shmchan/internal/nowait":     {"golang.org/x/sys/unix"},
	"cmd/shmchan/internal/screenshot": {"github.com/charmbracelet/x/ansi"},
	"cmd/shmchan/internal/terminate":  {"golang.org/x/sys/unix"},
	"cmd/shmchan/internal/text":       {"github.com/charmbracelet/x/ansi"},
	"cmd/shmchan/internal/watch":      {"charm.land/bubbletea/v2", "github.com/charmbracelet/x/ansi"},
	"ipc":                             {"github.com/fsnotify/fsnotify"},
	"shm":                             {"github.com/edsrzf/mmap-go", "golang.org/x/sys/unix"},
	"internal":                        {"golang.org/x/sys/unix"},
	"internal/test/proctest":          {"go.uber.org/goleak", "golang.org/x/sys/unix"},
}

// confined lists packages of the standard library that cost a program a lot, and
// the directories that may import them.
var confined = map[string][]string{
	"C":             {},      // the command runs in an empty container
	"encoding/gob":  {"ipc"}, // the codec; its initialization takes a millisecond
	"html/template": {},      // executing one keeps every exported method in the binary
	"net/http":      {},
	"text/template": {},
}

// entryOf returns the directory in allowed that counts for a file, or "".
func entryOf(path string) (longest string) {
	for dir := range allowed {
		if within(path, dir) && len(dir) > len(longest) {
			longest = dir
		}
	}
	return longest
}

func checkImports(f file) (wrong []string) {
	if f.isTest() {
		return nil
	}
	outside := allowed[entryOf(f.path)]
	for path := range f.imports {
		first, _, _ := strings.Cut(path, "/")
		dirs, limited := confined[path]
		switch {
		case strings.HasPrefix(path, module):
		case limited && !withinAny(f.path, dirs):
			wrong = append(wrong, f.path+" imports "+path+", which only "+strings.Join(dirs, ", ")+" may")
		case strings.Contains(first, ".") && !withinAny(path, outside):
			wrong = append(wrong, f.path+" imports "+path+", which is not among "+strings.Join(outside, ", "))
		}
	}
	return wrong
}

func TestImportsAreDeniedUnlessAllowed(t *testing.T) {
	for name, tt := range map[string]struct {
		path, imports string
		ok            bool
	}{
		"a library in its directory":            {"shm/file.go", "golang.org/x/sys/unix", true},
		"a package below an allowed one":        {"cmd/shmchan/man.go", "github.com/spf13/cobra/doc", true},
		"a name that only begins like one":      {"cmd/shmchan/man.go", "github.com/spf13/cobra-cli", false},
		"a directory below an allowed one":      {"internal/futex/futex.go", "golang.org/x/sys/unix", true},
		"bubbletea in ipc":                      {"ipc/file.go", "charm.land/bubbletea/v2", false},
		"pflag in ipc":                          {"ipc/file.go", "github.com/spf13/pflag", false},
		"testify in shm":                        {"shm/file.go", "github.com/stretchr/testify/require", false},
		"testify in a test of shm":              {"shm/file_test.go", "github.com/stretchr/testify/require", true},
		"a library that has no entry":           {"ipc/file.go", "example.com/new", false},
		"a library of the parent directory":     {"cmd/shmchan/internal/watch/run.go", "github.com/spf13/cobra", false},
		"a directory without an entry":          {"pkg/file.go", "golang.org/x/sys/unix", false},
		"a directory that only begins like one": {"ipcs/file.go", "github.com/fsnotify/fsnotify", false},
		"the standard library":                  {"ipc/file.go", "os", true},
		"the module itself":                     {"ipc/file.go", module + "shm", true},
		"gob in the codec":                      {"ipc/codec.go", "encoding/gob", true},
		"gob elsewhere":                         {"shm/file.go", "encoding/gob", false},
		"cgo":                                   {"ipc/file.go", "C", false},
	} {
		t.Run(name, func(t *testing.T) {
			source := []byte("package p\n\nimport _ \"" + tt.imports + "\"\n")
			syntax, err := parser.ParseFile(token.NewFileSet(), tt.path, source, 0)
			require.NoError(t, err)
			require.Equal(t, tt.ok, len(checkImports(file{tt.path, source, syntax})) == 0)
		})
	}
}

// An entry that no file needs would let a library come back unseen.
func TestEveryAllowedImportIsNeeded(t *testing.T) {
	needed := map[[2]string]bool{}
	for _, f := range goFiles(t) {
		dir := entryOf(f.path)
		for path := range f.imports {
			for _, library := range allowed[dir] {
				if !f.isTest() && within(path, library) {
					needed[[2]string{dir, library}] = true
				}
			}
		}
	}
	for dir, libraries := range allowed {
		for _, library := range libraries {
			if !needed[[2]string{dir, library}] {
				t.Errorf("%s may import %s, and does not", dir, library)
			}
		}
	}
}
