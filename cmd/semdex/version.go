package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"semdex/internal/cli"
	"semdex/internal/kernel"
)

// version is set by release builds: -ldflags "-X main.version=v1.2.3".
var version = ""

// build says what this binary is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a changed work tree
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SIMD     string `json:"simd"` // the instructions that are used
}

func readBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Say what this binary is",
		RunE: func(*cobra.Command, []string) error {
			b := readBuild()
			level, err := kernel.Choose(cli.Getenv(a.env, kernel.EnvLevel))
			if err != nil {
				return err
			}
			b.SIMD = level.String()
			if asJSON {
				return a.printJSON(b)
			}
			commit := b.Commit
			if commit != "" {
				commit = " " + commit[:min(12, len(commit))]
			}
			if b.Modified {
				commit += " (modified)"
			}
			_, err = fmt.Fprintf(a.stdout, "semdex %s%s %s %s %s\n", b.Version, commit, b.Go, b.Platform, b.SIMD)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, noArgs)
}
