package pairs

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"path/filepath"

	"semdex/nli/internal/table"
)

// longest is the length in runes at which a single text is cut.
const longest = 400

// builder gathers Data. It keeps the keys of all held-out texts.
type builder struct {
	ctx  context.Context // of Open
	dir  string
	opt  Options
	data *Data
	// banned texts end no pair; bannedSentences spoil the passage they stand in.
	banned, bannedSentences map[uint64]struct{}
	missing                 map[string]bool
}

func newBuilder(ctx context.Context, dir string, o Options) *builder {
	if o.HeldOut == 0 {
		o.HeldOut = 1000
	}
	if o.FileWeight == 0 {
		o.FileWeight = 10
	}
	return &builder{
		ctx: ctx, dir: dir, opt: o, data: &Data{}, missing: map[string]bool{},
		banned: map[uint64]struct{}{}, bannedSentences: map[uint64]struct{}{},
	}
}

func (b *builder) path(name string) string { return filepath.Join(b.dir, filepath.FromSlash(name)) }

func (b *builder) logf(format string, args ...any) {
	if b.opt.Log != nil {
		b.opt.Log(format, args...)
	}
}

// random is a generator of its own for every purpose, so that a missing corpus
// changes nothing for the others.
func (b *builder) random(purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(b.opt.Seed, h.Sum64()))
}

// optional turns the error of a missing file into a note.
func (b *builder) optional(name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !b.missing[name] {
		b.missing[name] = true
		b.data.Missing = append(b.data.Missing, name)
		b.logf("left out, no such file: %s", name)
	}
	return nil
}

// add appends a text to the pool.
func (b *builder) add(s string) Run {
	i := int32(len(b.data.Texts))
	b.data.Texts = append(b.data.Texts, s)
	return Run{i, i + 1, -1}
}

// collection is a source under construction. It refuses pairs that are empty,
// equal, held out or there already, and keeps each text once.
type collection struct {
	b       *builder
	list    []Example
	texts   map[string]Run
	seen    map[[2]uint64]struct{}
	dropped int // for standing in an evaluation set
}

func (b *builder) collect() *collection {
	return &collection{b: b, texts: map[string]Run{}, seen: map[[2]uint64]struct{}{}}
}

// pair adds x and y, cut to longest runes.
func (c *collection) pair(x, y string, group int32) {
	c.pairOf(cut(clean(x), longest), cut(clean(y), longest), group)
}

// pairAgainst adds x and y with a text that x must be told from, unless that is
// empty or held out.
func (c *collection) pairAgainst(x, y, not string) {
	n := len(c.list)
	c.pair(x, y, 0)
	not = cut(clean(not), longest)
	if k := key(not); len(c.list) > n && k != emptyKey && k != key(x) && k != key(y) && !c.b.isBanned(k) {
		c.list[n].Not = c.intern(not)
	}
}

// pairOf adds x and y as they are.
func (c *collection) pairOf(x, y string, group int32) {
	kx, ky := key(x), key(y)
	if kx == emptyKey || ky == emptyKey || kx == ky {
		return
	}
	if c.b.isBanned(kx) || c.b.isBanned(ky) {
		c.dropped++
		return
	}
	if _, ok := c.seen[[2]uint64{kx, ky}]; ok {
		return
	}
	c.seen[[2]uint64{kx, ky}] = struct{}{}
	c.list = append(c.list, Example{A: c.intern(x), B: c.intern(y), Group: group})
}

func (c *collection) intern(s string) Run {
	r, ok := c.texts[s]
	if !ok {
		r = c.b.add(s)
		c.texts[s] = r
	}
	return r
}

// The sharpness of sources that grade similarity and of those that retrieve.
const (
	soft  = 0.85
	sharp = 1.25
)

// close makes the collection a source.
func (c *collection) close(name, licence string, weight, sharpness float64) {
	if c.dropped > 0 {
		c.b.logf("source %s: %d pairs dropped, a text stands in an evaluation set", name, c.dropped)
	}
	s := NewSource(name, licence, weight, c.list)
	s.Sharpness = sharpness
	c.b.data.Sources = append(c.b.data.Sources, s)
}

func (b *builder) isBanned(k uint64) bool { _, ok := b.banned[k]; return ok }

func (b *builder) ban(texts ...string) {
	for _, s := range texts {
		if k := key(s); k != emptyKey {
			b.banned[k] = struct{}{}
		}
	}
}

// rows calls visit with the named columns of each row of a file with a header.
func (b *builder) rows(name string, d table.Dialect, columns []string, visit func(f []string)) error {
	r, err := table.Open(b.path(name), d)
	if err != nil {
		return b.optional(name, err)
	}
	defer r.Close()
	if err := r.Header(columns...); err != nil {
		return err
	}
	for f, err := range fields(r, columns) {
		if err != nil {
			return err
		}
		visit(f)
	}
	return nil
}

// lines gives the lines of a text file, nil if it is missing.
func (b *builder) lines(name string) ([]string, error) {
	r, err := table.OpenFile(b.path(name))
	if err != nil {
		return nil, b.optional(name, err)
	}
	defer r.Close()
	var out []string
	for line, err := range readLines(r) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, string(line))
	}
	return out, nil
}
