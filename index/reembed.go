package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// ReembedOptions are for Reembed.
type ReembedOptions struct {
	// As is the name of the new collection, which then stays beside the old one.
	// If empty, the new one takes the place and the name of the old.
	As string
	// Progress, if not nil, is told how far it is, never twice at a time.
	Progress func(Reembedding)
}

// Reembedding is a collection on its way to another model.
type Reembedding struct {
	Model     string `json:"model"`     // that it is to have
	Into      string `json:"into"`      // the collection that is being made
	Documents int    `json:"documents"` // in all
	Done      int    `json:"done"`      // of them, durable
	Encoded   int    `json:"encoded"`   // in this run; the others were done before
	// Failed is why it stopped; it goes on when the server is started again.
	Failed string `json:"failed,omitempty"`
}

// errReembedding: a collection has vectors of another model for now.
var errReembedding = errors.New("its documents are being embedded with another model")

// reembeds are the collections on their way, by name.
type reembeds struct {
	mu   sync.Mutex
	jobs map[string]*Reembedding

	// writes is held for reading by every write, and for writing while the last
	// changes are brought over and the new collection takes its place: what is
	// acknowledged before is in the new one, what comes after goes to it.
	writes sync.RWMutex
}

// of is how far a collection is; nil if it is not on its way.
func (r *reembeds) of(collection string) *Reembedding {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.jobs[collection]; j != nil {
		state := *j
		return &state
	}
	return nil
}

func (r *reembeds) set(collection string, state *Reembedding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.jobs == nil {
		r.jobs = make(map[string]*Reembedding)
	}
	if state == nil {
		delete(r.jobs, collection)
		return
	}
	kept := *state
	r.jobs[collection] = &kept
}

// Reembeddings are the collections on their way to another model, by name.
func (s *Service) Reembeddings() map[string]Reembedding {
	s.reembeds.mu.Lock()
	defer s.reembeds.mu.Unlock()
	out := make(map[string]Reembedding, len(s.reembeds.jobs))
	for name, state := range s.reembeds.jobs {
		out[name] = *state
	}
	return out
}

// reembedMark is how the model is marked in the name of a collection that is
// being made.
const reembedMark = "-re"

var reembedName = regexp.MustCompile("^.+" + reembedMark + "[0-9a-f]{8}$")

// reembedInto is the name of the collection that is to take the place of
// another: the same for the same model, so that an interrupted run goes on.
func reembedInto(collection, model string) string {
	mark := reembedMark + fmt.Sprintf("%x", sha256.Sum256([]byte(model)))[:8]
	return collection[:min(len(collection), 64-len(mark))] + mark
}

// PlanReembed finds the collections with vectors of another model than the
// encoder's, but for those that an interrupted Reembed has left. From now on
// they take documents, which only words lead to until Reembed has come by, and
// hybrid searches of them answer from keywords.
func (s *Service) PlanReembed(ctx context.Context) (collections []string, err error) {
	if s.encoder == nil {
		return nil, fmt.Errorf("%w: no model is loaded", ErrEncoder)
	}
	infos, err := s.engine.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range infos {
		if s.checkModel(i.Name, i.Settings) == nil || reembedName.MatchString(i.Name) {
			continue
		}
		collections = append(collections, i.Name)
		s.reembeds.set(i.Name, &Reembedding{
			Model: s.encoder.Fingerprint(), Into: reembedInto(i.Name, s.encoder.Fingerprint()), Documents: i.Documents,
		})
	}
	return collections, nil
}

// Reembed makes a collection anew with the encoder's model: documents,
// settings, synonyms. Writes and searches go on meanwhile, and what is written is
// brought over, too. A run that was interrupted, by an error, the end of ctx or a
// crash, goes on where it was when it is called again: documents that are in the
// new collection are not encoded again. It is nothing to do for a collection that
// has the model already.
//
// ErrCollectionExists if o.As is there with another model.
func (s *Service) Reembed(ctx context.Context, collection string, o ReembedOptions) (Reembedding, error) {
	c, err := s.open(ctx, collection)
	if err != nil {
		return Reembedding{}, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return Reembedding{}, err
	}
	if s.encoder == nil {
		return Reembedding{}, fmt.Errorf("%w: no model is loaded", ErrEncoder)
	}
	r := &reembedder{s: s, name: info.Name, old: c, o: o, state: Reembedding{Model: s.encoder.Fingerprint(), Into: o.As, Documents: info.Documents}}
	if o.As == "" {
		if s.checkModel(info.Name, info.Settings) == nil {
			r.state.Into, r.state.Done = info.Name, info.Documents
			return r.state, nil
		}
		r.state.Into = reembedInto(info.Name, r.state.Model)
		s.reembeds.set(info.Name, &r.state)
	}
	err = r.run(ctx, info.Settings)
	if o.As == "" {
		r.settle(err)
	}
	return r.state, err
}

// reembedder carries one collection over.
type reembedder struct {
	s        *Service
	name     string
	old, new Collection
	o        ReembedOptions
	state    Reembedding
	after    uint64 // sequence of old that new has everything up to
}

// settle notes the end.
func (r *reembedder) settle(err error) {
	if err == nil || errors.Is(err, ErrCollectionNotFound) { // it was dropped
		r.s.reembeds.set(r.name, nil)
		return
	}
	r.state.Failed = err.Error()
	r.s.reembeds.set(r.name, &r.state)
}

// reembedTail is how many documents may be left for the last pass, during which
// writes wait, and reembedPasses how often less is waited for.
const (
	reembedTail   = 64
	reembedPasses = 20
)

func (r *reembedder) run(ctx context.Context, settings Settings) error {
	if err := r.open(ctx, settings); err != nil {
		return err
	}
	n, err := r.bulk(ctx)
	for range reembedPasses - 1 {
		if err != nil {
			return err
		}
		if n <= reembedTail {
			break
		}
		n, err = r.pass(ctx)
	}
	if err != nil {
		return err
	}
	if r.o.As != "" {
		_, err := r.pass(ctx)
		return err
	}
	r.s.reembeds.writes.Lock()
	defer r.s.reembeds.writes.Unlock()
	if _, err := r.pass(ctx); err != nil {
		return err
	}
	return r.s.engine.Replace(ctx, r.name, r.state.Into)
}

// open opens the new collection, or makes it.
func (r *reembedder) open(ctx context.Context, settings Settings) error {
	if err := CheckName(r.state.Into); err != nil {
		return err
	}
	var err error
	r.new, err = r.s.engine.Open(ctx, r.state.Into)
	if errors.Is(err, ErrCollectionNotFound) {
		settings.Model, settings.Dims = r.s.encoder.Fingerprint(), r.s.encoder.Dims()
		if err := r.s.checkSplit(settings.Split); err != nil {
			return err
		}
		r.new, err = r.s.engine.Create(ctx, r.state.Into, settings)
	}
	if err != nil {
		return err
	}
	info, err := r.new.Info(ctx)
	if err != nil {
		return err
	}
	if err := r.s.checkModel(r.state.Into, info.Settings); err != nil {
		return fmt.Errorf("%w: %w", ErrCollectionExists, err)
	}
	if info.Name == r.name {
		return fmt.Errorf("%w: %q is the collection itself", ErrCollectionExists, r.state.Into)
	}
	return nil
}

// bulk is the first pass. The new collection is ready to be searched then: it
// would have to scan its vectors if it took its place before.
func (r *reembedder) bulk(ctx context.Context) (n int, err error) {
	end, err := r.new.BeginLoad(ctx)
	if err != nil {
		return 0, err
	}
	n, err = r.pass(ctx)
	end()
	if err != nil {
		return 0, err
	}
	return n, r.new.Settle(ctx, nil)
}

// pass brings over what was stored and deleted since the last pass, and what can
// be changed at any time; n is how many documents were stored.
func (r *reembedder) pass(ctx context.Context) (n int, err error) {
	changed, sequence, err := r.old.Changed(ctx, r.after)
	if err != nil {
		return 0, err
	}
	w := &writer{service: r.s, name: r.state.Into, collection: r.new, pending: newIDSet()}
	if err := w.refresh(ctx); err != nil {
		return 0, err
	}
	first := r.after == 0
	for ids := range slices.Chunk(changed, batchDocuments) {
		if err := r.carry(ctx, w, ids, first); err != nil {
			return 0, err
		}
	}
	if err := r.remove(ctx); err != nil {
		return 0, err
	}
	if err := r.tune(ctx); err != nil {
		return 0, err
	}
	r.after = sequence
	return len(changed), nil
}

// carry stores documents as they are now. Those that are gone meanwhile are left
// to remove.
func (r *reembedder) carry(ctx context.Context, w *writer, ids []string, first bool) error {
	var docs []Document
	flush := func() error {
		b, err := w.prepare(ctx, docs, 1)
		if err != nil {
			return err
		}
		r.state.Encoded += len(b.records)
		if len(b.records) > 0 {
			if err := r.new.Upsert(ctx, b.records); err != nil {
				return err
			}
		}
		docs = docs[:0]
		return nil
	}
	bytes := 0
	for _, id := range ids {
		d, err := r.old.Get(ctx, id)
		if errors.Is(err, ErrDocumentNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		docs = append(docs, d)
		if bytes += len(d.Text) + len(d.Title); bytes >= batchBytes {
			if err := flush(); err != nil {
				return err
			}
			bytes = 0
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if first {
		r.state.Done += len(ids)
	}
	r.tell()
	return nil
}

func (r *reembedder) tell() {
	if r.o.As == "" {
		r.s.reembeds.set(r.name, &r.state)
	}
	if r.o.Progress != nil {
		r.o.Progress(r.state)
	}
}

// remove deletes what the old collection does not have.
func (r *reembedder) remove(ctx context.Context) error {
	ids, _, err := r.new.Changed(ctx, 0)
	if err != nil {
		return err
	}
	have, _, err := r.old.Changed(ctx, 0)
	if err != nil {
		return err
	}
	keep := make(map[string]bool, len(have))
	for _, id := range have {
		keep[id] = true
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return keep[id] })
	r.state.Documents = len(have)
	r.state.Done = min(r.state.Done, len(have))
	if len(ids) == 0 {
		return nil
	}
	_, err = r.new.Delete(ctx, ids)
	return err
}

// tune brings synonyms and the way to search vectors over.
func (r *reembedder) tune(ctx context.Context) error {
	want, err := r.old.Synonyms(ctx)
	if err != nil {
		return err
	}
	have, err := r.new.Synonyms(ctx)
	if err != nil {
		return err
	}
	if have != want {
		if err := r.new.SetSynonyms(ctx, want); err != nil {
			return err
		}
	}
	from, err := r.old.Info(ctx)
	if err != nil {
		return err
	}
	to, err := r.new.Info(ctx)
	if err != nil || to.Settings.Vectors == from.Settings.Vectors {
		return err
	}
	return r.new.SetVectors(ctx, from.Settings.Vectors)
}
