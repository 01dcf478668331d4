package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  shmchan version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.verb = cmd.Name()
			_, err := fmt.Fprintf(a.stdout, "shmchan %s %s/%s %s\n", buildVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if strings.HasPrefix(s.Key, "vcs.") {
						a.detail("%s %s", s.Key, s.Value)
					}
				}
			}
			return err
		},
	}
}

// buildVersion returns the version of the release or of the module, or "devel".
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
