package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/pflag"

	"semdex/api"
	"semdex/embed/builtin"
	"semdex/internal/cli"
	"semdex/qa"
)

// readerHint says where readers come from.
const readerHint = "builtin is a small span reader, semdex train qa makes others, and any BERT or DistilBERT for question answering will do"

// noReader is the name of none.
const noReader = "none"

func addReaderFlag(flags *pflag.FlagSet, name *string, also string) {
	flags.StringVar(name, "reader", builtinName, "`model` that reads answers: builtin, a folder, a name on the hub that has been pulled"+also)
}

// loadReader loads a span reader by its name: built in, a folder, or in the
// hub's cache.
func (a *app) loadReader(ctx context.Context, name string, o qa.Options) (*qa.Reader, error) {
	if name == builtinName || name == builtin.Reader {
		return builtinReader(o)
	}
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, cli.WithHint(fmt.Errorf("%w: %s turns texts into vectors", qa.ErrModel, name), "%s", readerHint)
	}
	r, err := qa.Load(ctx, dir, o)
	switch {
	case errors.Is(err, qa.ErrModel):
		return nil, cli.WithHint(err, "%s", readerHint)
	case errors.Is(err, qa.ErrConfig):
		return nil, cli.WithHint(err, "%s in the folder is damaged; without it the reader takes defaults", qa.ConfigName)
	}
	return r, err
}

func builtinReader(o qa.Options) (*qa.Reader, error) {
	if o.Config == nil {
		files, err := builtin.FS(builtin.Reader)
		if err != nil {
			return nil, err
		}
		c, err := qa.ReadConfig(files)
		if err != nil {
			return nil, err
		}
		o.Config = &c
	}
	m, err := builtin.OpenNamed(builtin.Reader)
	if err != nil {
		return nil, err
	}
	return qa.NewReader(m, o)
}

// answerer is a span reader in the form in which the server takes it.
type answerer struct{ *qa.Reader }

var _ api.Reader = answerer{}

func (a *app) openAnswerer(ctx context.Context, name string, f *modelFlags) (answerer, error) {
	r, err := a.loadReader(ctx, name, qa.Options{Workers: f.workers, Int8: f.int8})
	return answerer{r}, err
}

// openServerReader loads the reader of a server; none if that is its name. The
// built-in one is loaded at the first question, so that servers which are never
// asked one start without it.
func (a *app) openServerReader(ctx context.Context, name string, f *modelFlags) (api.Reader, func(), error) {
	switch name {
	case noReader:
		return nil, func() {}, nil
	case builtinName, builtin.Reader:
		r := &lateReader{options: qa.Options{Workers: f.workers, Int8: f.int8}}
		return r, func() { a.close(r) }, nil
	}
	r, err := a.openAnswerer(ctx, name, f)
	if err != nil {
		return nil, nil, err
	}
	return r, func() { a.close(r) }, nil
}

// lateReader is the built-in reader, loaded when it is first needed.
type lateReader struct {
	options qa.Options

	mu     sync.Mutex
	reader *qa.Reader
	closed bool
}

var _ api.Reader = (*lateReader)(nil)

// Read implements api.Reader.
func (l *lateReader) Read(ctx context.Context, question string, passages []api.ReadText, n int) (api.Reading, error) {
	r, err := l.load()
	if err != nil {
		return api.Reading{}, err
	}
	return answerer{r}.Read(ctx, question, passages, n)
}

func (l *lateReader) load() (*qa.Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, qa.ErrClosed
	}
	if l.reader != nil {
		return l.reader, nil
	}
	r, err := builtinReader(l.options)
	if err != nil {
		return nil, err
	}
	l.reader = r
	return r, nil
}

// Close waits for what is being read.
func (l *lateReader) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.reader == nil {
		return nil
	}
	return l.reader.Close()
}

// Read implements api.Reader.
func (r answerer) Read(ctx context.Context, question string, passages []api.ReadText, n int) (api.Reading, error) {
	q := qa.Query{Question: question}
	for _, p := range passages {
		q.Passages, q.Priors = append(q.Passages, p.Text), append(q.Priors, p.Prior)
	}
	results, err := r.ReadAll(ctx, []qa.Query{q}, n)
	switch {
	case errors.Is(err, qa.ErrNoQuestion):
		return api.Reading{}, fmt.Errorf("%w: %w", api.ErrNoQuestion, err)
	case err != nil:
		return api.Reading{}, err
	}
	result := results[0]
	out := api.Reading{Windows: result.Windows, Tokens: result.Tokens}
	for _, a := range result.Answers {
		out.Answers = append(out.Answers, api.ReadAnswer{
			Passage: a.Passage, Start: a.Start, End: a.End, Context: a.Context, Score: a.Score,
		})
	}
	return out, nil
}
