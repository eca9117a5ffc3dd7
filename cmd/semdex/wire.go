package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"semdex/index"
	"semdex/index/local"
	"semdex/internal/cli"
)

// presence says whether a data folder must be there.
type presence bool

const (
	mustExist presence = true
	mayBeNew  presence = false
)

// openLocal opens a data folder of this machine. Without an encoder, documents
// cannot be stored and search goes by words alone.
func (a *app) openLocal(dir string, e *textEncoder, o index.ServiceOptions, p presence) (*index.Service, error) {
	engine, err := a.openEngine(dir, p)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return index.NewService(engine, nil, o), nil
	}
	return index.NewService(engine, e, o), nil
}

func (a *app) openEngine(dir string, p presence) (*local.Engine, error) {
	if p == mustExist {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, cli.WithHint(fmt.Errorf("there is no data folder %s", dir), "semdex index makes one; --data says where")
		}
	}
	o := local.Options{Logger: a.engineLogger()}
	if a.loads {
		o.GraphWorkers = runtime.GOMAXPROCS(0)
	}
	engine, err := local.Open(dir, o)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		err = cli.WithHint(err, "semdex writes to a data folder even to search it: make it writable, or copy it")
	}
	return engine, err
}

// with runs an action on the store that the flags choose, without a model.
func (a *app) with(t *target, action func(store) error) (err error) {
	st, err := a.openStore(t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return action(st)
}

func (a *app) openStore(t *target) (store, error) {
	if t.server != "" {
		return newRemote(t.server, t.apiKey)
	}
	return a.openLocal(t.data, nil, index.ServiceOptions{}, mustExist)
}

// modelled is a store together with the model that it encodes with.
type modelled struct {
	store
	encoder io.Closer
}

// Close closes both.
func (m *modelled) Close() error { return errors.Join(m.store.Close(), m.encoder.Close()) }

// openModelled opens the store and the model, unless a server has both.
func (a *app) openModelled(ctx context.Context, t *target, m *modelFlags, o index.ServiceOptions, p presence) (store, error) {
	if t.server != "" {
		return newRemote(t.server, t.apiKey)
	}
	e, err := a.openEncoder(ctx, m)
	if err != nil {
		return nil, err
	}
	service, err := a.openLocal(t.data, e, o, p)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return &modelled{service, e}, nil
}

// close closes what a verb opened; there is nothing to be done about a failure
// but to say so.
func (a *app) close(c io.Closer) {
	if err := c.Close(); err != nil {
		a.warn("%v", err)
	}
}
