package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const printed = `{"machine":{"cpu":"Abacus"},"settings":{"runs":1,"duration":1},"results":[
 {"name":"throughput/send-64","about":"Send, Consume","unit":"1/s","size":64,"value":{"median":5},
  "runs":[{"value":5,"seconds":1,"refs":{"line":[1,1],"ring":[1,1]}}]}]}`

func TestPageKeepsWhatWasWrittenByHand(t *testing.T) {
	readme := filepath.Join(t.TempDir(), "README.md")
	docs := filepath.Join(filepath.Dir(readme), "docs")
	require.NoError(t, os.Mkdir(docs, 0o700))
	pages := []string{readme, filepath.Join(docs, "bench.md")}
	old := "# Head\n\n" + begin + "old figures\n" + end + "\ntail\n"
	for _, path := range pages {
		require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
	}
	// Without a latency to draw it returns an error after it has written the pages.
	require.ErrorContains(t, run([]string{readme}, strings.NewReader(printed)), "nothing to plot")
	for _, path := range pages {
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(got), "# Head\n\n"+begin))
		require.True(t, strings.HasSuffix(string(got), end+"\ntail\n"))
		require.Contains(t, string(got), "Abacus")
		require.Contains(t, string(got), "5.00 /s")
		require.NotContains(t, string(got), "old figures")
	}
	require.NoError(t, os.WriteFile(readme, []byte("# Head\n"), 0o600))
	require.ErrorContains(t, run([]string{readme}, strings.NewReader(printed)), "not marked")
}
