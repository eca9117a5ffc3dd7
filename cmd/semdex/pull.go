package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"semdex/embed/model/hub"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

func (a *app) modelPullCommand() *cobra.Command {
	var revision string
	var asJSON bool
	c := &cobra.Command{
		Use:   "pull [flags] NAME",
		Short: "Fetch a model from the hub into the standard cache",
		Long: `Fetch a model from the hub. Files go to the cache that Hugging Face's tools use;
HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are honoured. An
interrupted download continues where it stopped.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			dir, err := a.pull(cmd.Context(), names[0], revision)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(listedModel{names[0], dir})
			}
			_, err = fmt.Fprintln(a.stdout, dir)
			return err
		},
	}
	c.Flags().StringVar(&revision, "revision", "", "branch, tag or commit (default main)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, exactly(1, "the name of a model, such as ORG/NAME"))
}

func (a *app) pull(ctx context.Context, name, revision string) (string, error) {
	config, err := a.hubConfig()
	if err != nil {
		return "", err
	}
	var mu sync.Mutex
	var now hub.Progress
	bar := a.progress("fetching "+name, func() progress.State {
		mu.Lock()
		defer mu.Unlock()
		s := progress.State{Done: now.Done, Total: now.Total, Bytes: true}
		if now.Of > 0 {
			s.Note = fmt.Sprintf("%s (%d of %d)", now.File, now.Index, now.Of)
		}
		return s
	})
	defer bar.Stop()
	return hub.Pull(ctx, name, hub.Options{Config: config, Revision: revision, Progress: func(p hub.Progress) {
		mu.Lock()
		defer mu.Unlock()
		now = p
	}})
}

func (a *app) hubConfig() (hub.Config, error) {
	return hub.FromEnv(func(name string) string { return cli.Getenv(a.env, name) })
}

// resolveCached finds a hub model in the cache alone.
func resolveCached(id string, c hub.Config) (string, error) {
	if !hub.ValidID(id) {
		return "", hub.ErrBadName
	}
	return hub.Resolve(id, "", c)
}
