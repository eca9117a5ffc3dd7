package index

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Alias is another name for a collection. Wherever a collection is read or
// written its alias will do; only Drop wants the collection's own name.
type Alias struct {
	Name       string `json:"alias"`
	Collection string `json:"collection"`
}

// Aliases is the part of an Engine that keeps other names of collections. An
// alias and a collection never have the same name, and an alias always leads to
// a collection: one with aliases cannot be dropped.
type Aliases interface {
	// SetAlias makes alias a name of an existing collection, or moves it there
	// in one step: every call of Engine.Open gives the collection before or the
	// one after. When it returns nil the change is durable.
	// ErrCollectionNotFound if there is no such collection (an alias is none),
	// ErrCollectionExists if a collection is called alias, ErrInvalidName.
	SetAlias(ctx context.Context, alias, collection string) error
	// DeleteAlias forgets a name; ErrAliasNotFound. The collection stays.
	DeleteAlias(ctx context.Context, alias string) error
	// Aliases lists them, ordered by name.
	Aliases(ctx context.Context) ([]Alias, error)
}

// SetAlias makes or moves an alias; see Aliases. A PutStream that is under way
// goes on into the collection that it began with.
func (s *Service) SetAlias(ctx context.Context, alias, collection string) error {
	if err := CheckName(alias); err != nil {
		return err
	}
	if err := CheckName(collection); err != nil {
		return err
	}
	return s.engine.SetAlias(ctx, alias, collection)
}

// DeleteAlias forgets an alias; the collection stays.
func (s *Service) DeleteAlias(ctx context.Context, alias string) error {
	if err := CheckName(alias); err != nil {
		return err
	}
	return s.engine.DeleteAlias(ctx, alias)
}

// Aliases lists the aliases, ordered by name.
func (s *Service) Aliases(ctx context.Context) ([]Alias, error) { return s.engine.Aliases(ctx) }

// AliasTable is an engine's aliases and their collections. It holds the rules of
// Aliases, so that all engines have the same.
type AliasTable map[string]string

// Resolve is the collection that an alias leads to, or name itself.
func (t AliasTable) Resolve(name string) string {
	if to, ok := t[name]; ok {
		return to
	}
	return name
}

// List is the aliases, ordered by name.
func (t AliasTable) List() []Alias {
	list := make([]Alias, 0, len(t))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		list = append(list, Alias{name, t[name]})
	}
	return list
}

// CheckSet reports what forbids SetAlias; exists tells the collections.
func (t AliasTable) CheckSet(alias, collection string, exists func(string) bool) error {
	if err := CheckName(alias); err != nil {
		return err
	}
	if !exists(collection) {
		if to, ok := t[collection]; ok {
			return fmt.Errorf("%w: %q is an alias of %q", ErrCollectionNotFound, collection, to)
		}
		return fmt.Errorf("%w: %q", ErrCollectionNotFound, collection)
	}
	if exists(alias) {
		return fmt.Errorf("%w: %q cannot be an alias", ErrCollectionExists, alias)
	}
	return nil
}

// CheckCreate reports ErrCollectionExists if name is an alias.
func (t AliasTable) CheckCreate(name string) error {
	if to, ok := t[name]; ok {
		return fmt.Errorf("%w: %q is an alias of %q", ErrCollectionExists, name, to)
	}
	return nil
}

// CheckDrop reports ErrAliased if a collection has aliases, and
// ErrCollectionNotFound if name is an alias itself.
func (t AliasTable) CheckDrop(name string) error {
	if to, ok := t[name]; ok {
		return fmt.Errorf("%w: %q is an alias of %q", ErrCollectionNotFound, name, to)
	}
	for _, a := range t.List() {
		if a.Collection == name {
			return fmt.Errorf("%w: %q is also called %q", ErrAliased, name, a.Name)
		}
	}
	return nil
}
