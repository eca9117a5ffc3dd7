package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"strings"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill/sentence"
	"semdex/embed/tokenize"
	"semdex/index"
	"semdex/internal/source"
)

// sentenceText is the sentences of a distillation. The texts for the teacher
// are in memory until it has encoded them.
type sentenceText struct {
	teacher    []string // the held-out ones among them
	train, dev sentenceList
	sources    []card.Source

	seed maphash.Seed
	seen map[uint64]struct{} // hashes of the teacher's texts
}

// sentenceList is sentences for the student.
type sentenceList struct {
	texts  []string
	target []int32 // number of the teacher's text
}

func (l *sentenceList) add(text string, target int) {
	l.texts, l.target = append(l.texts, text), append(l.target, int32(target))
}

// sample is some sentences to measure speed with.
func (l *sentenceList) sample() []string { return l.texts[:min(len(l.texts), 2*speedSentences)] }

// tokens are the sentences as the student reads them.
func (l *sentenceList) tokens(tok *tokenize.Tokenizer, most int) [][]int32 {
	ids := make([][]int32, len(l.texts))
	for i, text := range l.texts {
		ids[i] = tok.Encode(text, tokenize.Options{MaxTokens: most}).IDs
	}
	return ids
}

// readSentences reads text and parallel text. Sentences that occur again are
// left out.
func (a *app) readSentences(ctx context.Context, f *distillSentenceFlags) (*sentenceText, error) {
	t := &sentenceText{seed: maphash.MakeSeed(), seen: make(map[uint64]struct{})}
	// Held-out files come first, so that no sentence of theirs is trained on.
	for _, path := range f.corpus.dev {
		if err := a.readSentenceFile(ctx, f, t, path, func(int) role { return heldOut }); err != nil {
			return nil, err
		}
	}
	for _, path := range f.corpus.text {
		if err := a.readSentenceFile(ctx, f, t, path, f.corpus.role); err != nil {
			return nil, err
		}
	}
	for _, path := range f.parallel {
		if err := a.readParallel(ctx, f, t, path); err != nil {
			return nil, err
		}
	}
	switch {
	case len(t.train.texts) == 0:
		return nil, fmt.Errorf("%w: no sentences to train on", sentence.ErrData)
	case len(t.dev.texts) == 0:
		return nil, fmt.Errorf("%w: no sentences are held out", sentence.ErrData)
	}
	a.note("%s to train on, %s held out", count(len(t.train.texts), "sentence"), count(len(t.dev.texts), "sentence"))
	return t, nil
}

// quota bounds what is taken from a file.
type quota struct {
	t         *sentenceText
	f         *distillSentenceFlags
	name      string
	train     int
	held      int
	trainFrom int
}

func (t *sentenceText) quota(f *distillSentenceFlags, path string) *quota {
	return &quota{t: t, f: f, name: filepath.Base(path), trainFrom: len(t.train.texts)}
}

// add takes a text for the teacher with what the student sees of it.
func (q *quota) add(r role, text string, translations ...string) {
	text = strings.TrimSpace(text)
	if text == "" || !q.t.fresh(text) {
		return
	}
	list := &q.t.train
	switch {
	case r == heldOut && q.held < q.f.held:
		list = &q.t.dev
		q.held++
	case r == training && (q.f.sentences == 0 || q.train < q.f.sentences):
		q.train++
	default:
		return
	}
	n := len(q.t.teacher)
	q.t.teacher = append(q.t.teacher, text)
	list.add(text, n)
	for _, s := range translations {
		if s = strings.TrimSpace(s); s != "" {
			list.add(s, n)
		}
	}
}

// full says that nothing more will be taken.
func (q *quota) full() bool {
	return q.f.sentences > 0 && q.train >= q.f.sentences && (q.f.corpus.devShare == 0 || q.held >= q.f.held)
}

func (q *quota) close() {
	if n := len(q.t.train.texts) - q.trainFrom; n > 0 {
		q.t.sources = append(q.t.sources, card.Source{Name: q.name, Count: n, Unit: "sentences"})
	}
}

func (t *sentenceText) fresh(text string) bool {
	h := maphash.String(t.seed, text)
	_, old := t.seen[h]
	t.seen[h] = struct{}{}
	return !old
}

func (a *app) readSentenceFile(ctx context.Context, f *distillSentenceFlags, t *sentenceText, path string, roleOf func(n int) role) error {
	q := t.quota(f, path)
	defer q.close()
	return a.readText(ctx, path, f.corpus.encoding, func(n int, text string) (bool, error) {
		if r := roleOf(n); r != unused {
			for _, s := range index.Sentences(text) {
				q.add(r, s)
			}
		}
		return !q.full(), nil
	})
}

// readParallel reads lines of a text, a tab and its translation.
func (a *app) readParallel(ctx context.Context, f *distillSentenceFlags, t *sentenceText, path string) error {
	s, err := source.Open([]string{path}, source.Options{Format: source.Text, Lines: true, Encoding: f.corpus.encoding, Stdin: a.stdin})
	if err != nil {
		return err
	}
	q := t.quota(f, path)
	defer q.close()
	n := 0
	for d, err := range s.Documents(ctx) {
		if err != nil {
			return err
		}
		columns := strings.Split(d.Text, "\t")
		if len(columns) != 2 {
			return fmt.Errorf("%s: %w: %d columns, want a text, a tab and its translation", d.ID, sentence.ErrData, len(columns))
		}
		q.add(f.corpus.role(n), columns[0], columns[1])
		if n++; q.full() {
			return nil
		}
	}
	return nil
}

// sum changes with any sentence and its role.
func (t *sentenceText) sum() []byte {
	h := sha256.New()
	for _, l := range []*sentenceList{&t.dev, &t.train} {
		for i, target := range l.target {
			var head [8]byte
			binary.LittleEndian.PutUint32(head[:], uint32(target))
			_, _ = h.Write(head[:])
			if i < len(l.texts) {
				_, _ = h.Write([]byte(l.texts[i]))
			}
		}
		_, _ = h.Write([]byte{0xff})
	}
	return h.Sum(nil)[:8]
}
