package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const reembedLong = `Make a collection anew with another model: its documents, settings and synonyms go
into a new collection, which takes the name and the place of the old one in one step
when it is whole. Until then the old one stays as it is. With --as the new one gets
a name of its own and the old one stays; run it again to bring it forward.

After an interruption, run the same command again: documents that were encoded
are not encoded again. The folder must not be in use; a server does the same while it
answers with semdex serve --reembed.`

const reembedExample = `  semdex reembed -d data notes --model my-model
  semdex reembed -d data notes --model my-model --as notes-2`

type reembedFlags struct {
	modelFlags
	data   string
	as     string
	asJSON bool
}

func (a *app) reembedCommand() *cobra.Command {
	var f reembedFlags
	c := &cobra.Command{
		Use:     "reembed [flags] COLLECTION",
		Short:   "Make a collection anew with another model",
		Long:    reembedLong,
		Example: reembedExample,
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.reembed(cmd.Context(), names[0], &f)
		},
	}
	f.modelFlags.flags(c)
	c.Flags().StringVarP(&f.data, "data", "d", defaultData, "`folder` of the index")
	c.Flags().StringVar(&f.as, "as", "", "`name` of the new collection; the old one stays")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the summary as JSON")
	return verb(c, exactly(1, "the name of a collection"))
}

func (a *app) reembed(ctx context.Context, collection string, f *reembedFlags) (err error) {
	begin := time.Now()
	a.loads = true
	encoder, err := a.openEncoder(ctx, &f.modelFlags)
	if err != nil {
		return err
	}
	defer a.close(encoder)
	service, err := a.openLocal(f.data, encoder, index.ServiceOptions{}, mustExist)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	var now atomic.Pointer[index.Reembedding]
	now.Store(new(index.Reembedding))
	bar := a.progress("embedding", func() progress.State {
		r := now.Load()
		return progress.State{Done: int64(r.Done), Total: int64(r.Documents), Counts: []progress.Named{{N: int64(r.Encoded), Name: "encoded"}}}
	})
	state, err := service.Reembed(ctx, collection, index.ReembedOptions{As: f.as, Progress: func(r index.Reembedding) { now.Store(&r) }})
	bar.Stop()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return cli.WithHint(err, "run the same command again: what is encoded is not done twice")
		}
		return err
	}
	if f.as == "" {
		state.Into = collection
	}
	if f.asJSON {
		return a.printJSON(state)
	}
	_, err = fmt.Fprintf(a.stdout, "%s: %s with %s, %s of them encoded in %s\n", state.Into, count(state.Documents, "document"),
		encoder.Name(), progress.Count(int64(state.Encoded)), progress.Duration(time.Since(begin)))
	return err
}

// startReembedding begins to bring a server's collections to its model, one
// after the other; wait returns when that has ended, at the latest with ctx.
func (a *app) startReembedding(ctx context.Context, service *index.Service) (wait func(), err error) {
	names, err := service.PlanReembed(ctx)
	if err != nil {
		return nil, err
	}
	log := a.serverLogger()
	var g sync.WaitGroup
	g.Go(func() {
		for _, name := range names {
			log.Info("embedding a collection with the server's model", "collection", name)
			state, err := service.Reembed(ctx, name, index.ReembedOptions{})
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				log.Error("embedding a collection failed; it goes on when the server is started again", "collection", name, "error", err)
			default:
				log.Info("embedded a collection with the server's model", "collection", name, "documents", state.Documents, "encoded", state.Encoded)
			}
		}
	})
	return g.Wait, nil
}
