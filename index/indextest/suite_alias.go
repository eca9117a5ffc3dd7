package indextest

import (
	"errors"
	"slices"

	"semdex/index"
)

func testAliases(h *harness) {
	for _, name := range []string{"one", "two"} {
		_, err := h.engine.Create(h.ctx, name, settings)
		h.must(err)
	}
	h.must(h.engine.SetAlias(h.ctx, "now", "one"))
	h.wantAlias("now", "one")

	refused := func(want error, alias, collection string) {
		h.Helper()
		if err := h.engine.SetAlias(h.ctx, alias, collection); !errors.Is(err, want) {
			h.Errorf("alias %q of %q: %v, want %v", alias, collection, err, want)
		}
	}
	refused(index.ErrCollectionNotFound, "then", "none")
	refused(index.ErrCollectionNotFound, "then", "now") // no alias of an alias
	refused(index.ErrCollectionExists, "two", "one")
	refused(index.ErrInvalidName, "No", "one")
	if _, err := h.engine.Create(h.ctx, "now", settings); !errors.Is(err, index.ErrCollectionExists) {
		h.Errorf("a collection called as an alias: %v", err)
	}
	if err := h.engine.Drop(h.ctx, "one"); !errors.Is(err, index.ErrAliased) {
		h.Errorf("drop a collection with an alias: %v", err)
	}
	if err := h.engine.Drop(h.ctx, "now"); !errors.Is(err, index.ErrCollectionNotFound) {
		h.Errorf("drop an alias: %v", err)
	}

	h.must(h.engine.SetAlias(h.ctx, "now", "two"))
	h.must(h.engine.SetAlias(h.ctx, "also", "two"))
	h.engine = h.reopen()
	h.wantAlias("now", "two")
	h.wantAlias("also", "two")
	list, err := h.engine.Aliases(h.ctx)
	h.must(err)
	if want := []index.Alias{{Name: "also", Collection: "two"}, {Name: "now", Collection: "two"}}; !slices.Equal(list, want) {
		h.Errorf("aliases %v, want %v", list, want)
	}
	h.must(h.engine.Drop(h.ctx, "one"))
	h.must(h.engine.DeleteAlias(h.ctx, "now"))
	if err := h.engine.DeleteAlias(h.ctx, "now"); !errors.Is(err, index.ErrAliasNotFound) {
		h.Errorf("delete an alias twice: %v", err)
	}
	if _, err := h.engine.Open(h.ctx, "now"); !errors.Is(err, index.ErrCollectionNotFound) {
		h.Errorf("open a deleted alias: %v", err)
	}
}

// wantAlias checks that an alias leads to a collection.
func (h *harness) wantAlias(alias, collection string) {
	h.Helper()
	c, err := h.engine.Open(h.ctx, alias)
	h.must(err)
	info, err := c.Info(h.ctx)
	h.must(err)
	if info.Name != collection {
		h.Errorf("%q leads to %q, want %q", alias, info.Name, collection)
	}
}
