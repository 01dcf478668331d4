package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
)

const contract = "../../docs/cli.md"

// scripts returns the command scripts by name.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(scriptDir + "/*.txtar")
	require.NoError(t, err)
	all := map[string]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		all[filepath.Base(file)] = string(raw)
	}
	return all
}

// A row of the table of exit statuses: | 3 | no such channel | `peek`, `stat` |
var exitRow = regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \|$`)

// TestEveryExitStatusHasItsScripts checks that each script that the contract lists for a
// status meets it.
func TestEveryExitStatusHasItsScripts(t *testing.T) {
	raw, err := os.ReadFile(contract)
	require.NoError(t, err)
	all := scripts(t)
	listed := map[string]bool{}
	for _, row := range exitRow.FindAllStringSubmatch(string(raw), -1) {
		status, names := row[1], regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[3], -1)
		listed[status] = true
		require.NotEmpty(t, names, "status %s", status)
		for _, name := range names {
			text, ok := all[name[1]+".txtar"]
			require.True(t, ok, "status %s: no script %s", status, name[1])
			// As the status of a command, or as the output of a shell.
			met := regexp.MustCompile(`(?m)^(status ` + status + ` |finish \S+ ` + status + `$|(bytes )?stdout '\^?(.*\\n)?` + status + `\b)`)
			if status == "0" {
				met = regexp.MustCompile(`(?m)^(exec shmchan|finish \S+ 0$)`)
			}
			require.True(t, met.MatchString(text), "%s does not meet status %s", name[1], status)
		}
	}
	for _, status := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "129", "130", "137", "141", "143"} {
		require.True(t, listed[status], "status %s is not in %s", status, contract)
	}
}

// documented returns the verbs in the table of the contract.
func documented(t *testing.T) []*cobra.Command {
	t.Helper()
	raw, err := os.ReadFile(contract)
	require.NoError(t, err)
	var all []*cobra.Command
	for _, c := range (&app{}).root().Commands() {
		if strings.Contains(string(raw), "\n| `"+c.Name()+" ") || strings.Contains(string(raw), "\n| `"+c.Name()+"`") {
			all = append(all, c)
		}
	}
	require.GreaterOrEqual(t, len(all), 12)
	return all
}

// TestEveryVerbAndFlagHasItsScript checks that some script uses each verb and each flag.
func TestEveryVerbAndFlagHasItsScript(t *testing.T) {
	var lines []string
	for _, text := range scripts(t) {
		lines = append(lines, strings.Split(text, "\n")...)
	}
	used := func(verb, flag string) bool {
		call := regexp.MustCompile(`shmchan( -\S+| --dir \S+)* ` + verb + `\b[^|;&]*`)
		word := regexp.MustCompile(`(^|\s)` + regexp.QuoteMeta(flag) + `(=|\s|'|$)`)
		for _, line := range lines {
			for _, args := range call.FindAllString(line, -1) {
				if flag == "" || word.MatchString(args) {
					return true
				}
			}
		}
		return false
	}
	for _, c := range documented(t) {
		require.True(t, used(c.Name(), ""), "no script uses %s", c.Name())
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			short := f.Shorthand != "" && used(c.Name(), "-"+f.Shorthand)
			require.True(t, f.Name == "help" || short || used(c.Name(), "--"+f.Name), "no script uses %s --%s", c.Name(), f.Name)
		})
	}
	for _, frame := range frame.Names() {
		for _, verb := range []string{"send", "recv", "peek"} {
			all := regexp.MustCompile(`shmchan( -\S+)* ` + verb + ` [^|;&]*(--frame[ =]` + frame + `|--` + frame + `|-0)\b`)
			require.True(t, frame == "line" || all.MatchString(strings.Join(lines, "\n")), "no script uses %s --frame %s", verb, frame)
		}
	}
}
