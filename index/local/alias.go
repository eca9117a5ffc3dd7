package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"

	"semdex/index"
)

// aliasesName is the file of aliases in the data folder: an envelope around
// their names and collections. It is replaced whole, so that a crash leaves all
// aliases as they were or as they should be.
const aliasesName = "aliases.json"

// aliasFile is the envelope of aliases.
type aliasFile struct {
	Format   int             `json:"format"`
	Checksum string          `json:"crc32c"` // of the bytes of Aliases
	Aliases  json.RawMessage `json:"aliases"`
}

// loadAliases reads the aliases. Damage keeps nobody from the collections; it is
// remembered, and told to those who ask for an alias.
func (e *Engine) loadAliases() error {
	table, err := readAliases(e.o.fsys, e.dir)
	switch {
	case errors.Is(err, index.ErrCorrupt):
		e.aliasesLost = err
		e.o.Logger.Error("the aliases cannot be read", "error", err)
	case err != nil:
		return err
	}
	// An older program does not know of aliases: it may have made a collection
	// of that name, or dropped one.
	for alias, to := range table {
		if e.names[alias] || !e.names[to] {
			e.o.Logger.Warn("ignoring an alias whose name is taken or whose collection is gone", "alias", alias, "collection", to)
			delete(table, alias)
		}
	}
	e.aliases = table
	return nil
}

func readAliases(fsys fileSystem, dir string) (index.AliasTable, error) {
	table := make(index.AliasTable)
	name := filepath.Join(dir, aliasesName)
	b, err := fsys.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return table, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read aliases: %w", err)
	}
	var f aliasFile
	if err := json.Unmarshal(b, &f); err != nil {
		return table, fmt.Errorf("%w: %s: %w", index.ErrCorrupt, name, err)
	}
	if f.Format > formatVersion {
		return nil, fmt.Errorf("%s: %w", name, newerFormat(f.Format))
	}
	if f.Format < 1 || f.Checksum != fmt.Sprintf("%08x", checksum(f.Aliases)) {
		return table, fmt.Errorf("%w: %s: the checksum does not match", index.ErrCorrupt, name)
	}
	if err := json.Unmarshal(f.Aliases, &table); err != nil {
		return make(index.AliasTable), fmt.Errorf("%w: %s: %w", index.ErrCorrupt, name, err)
	}
	return table, nil
}

// writeAliases makes a table durable, then current; mu is held. If which of two
// tables a crash would leave is not known, the new one is current and the error
// is returned.
func (e *Engine) writeAliases(table index.AliasTable) error {
	if e.aliasesLost != nil {
		return e.aliasesLost
	}
	body, err := json.Marshal(table)
	if err != nil {
		return fmt.Errorf("encode aliases: %w", err)
	}
	b, err := json.Marshal(aliasFile{baseVersion, fmt.Sprintf("%08x", checksum(body)), body})
	if err != nil {
		return fmt.Errorf("encode aliases: %w", err)
	}
	renamed, err := writeFile(e.o.fsys, filepath.Join(e.dir, aliasesName), append(b, '\n'))
	if renamed {
		e.aliases = table
	}
	if err != nil {
		return fmt.Errorf("write aliases: %w", err)
	}
	return nil
}

// SetAlias implements index.Engine.
func (e *Engine) SetAlias(ctx context.Context, alias, collection string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	if err := e.aliases.CheckSet(alias, collection, func(name string) bool { return e.names[name] }); err != nil {
		return err
	}
	table := maps.Clone(e.aliases)
	table[alias] = collection
	return e.writeAliases(table)
}

// DeleteAlias implements index.Engine.
func (e *Engine) DeleteAlias(ctx context.Context, alias string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	if _, ok := e.aliases[alias]; !ok {
		return fmt.Errorf("%w: %q", index.ErrAliasNotFound, alias)
	}
	table := maps.Clone(e.aliases)
	delete(table, alias)
	return e.writeAliases(table)
}

// Aliases implements index.Engine.
func (e *Engine) Aliases(ctx context.Context) ([]index.Alias, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.aliases.List(), errors.Join(e.usable(ctx), e.aliasesLost)
}
