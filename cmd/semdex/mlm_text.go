package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill/mlm"
	"semdex/embed/tokenize"
	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/train"
)

// mlmText is tokenised text to train on and to evaluate on.
type mlmText struct {
	train     *mlm.Data
	dev       []devSet
	sentences []string // held-out ones, to measure speed with
	sources   []card.Source
}

// devSet is the held-out text of one file.
type devSet struct {
	name string
	data *mlm.Data
}

// speedSentences is how many held-out sentences of each file are kept as text.
const speedSentences = 128

// readMLM reads and packs the text of a training. In memory it keeps 4 bytes a
// token and 8 a sequence.
func (a *app) readMLM(ctx context.Context, f *mlmFlags, tok *tokenize.Tokenizer) (*mlmText, error) {
	p, err := mlm.NewPacker(tok, f.maxTokens)
	if err != nil {
		return nil, err
	}
	t := new(mlmText)
	for _, path := range f.corpus.text {
		if err := a.readTraining(ctx, f, t, p, path, tok); err != nil {
			return nil, err
		}
	}
	for _, path := range f.corpus.dev {
		if err := a.readHeldOut(ctx, f, t, path, tok); err != nil {
			return nil, err
		}
	}
	if t.train, err = p.Data(); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(f.corpus.text, ", "), err)
	}
	return t, nil
}

// readTraining packs the documents of a file into p, and those that are held
// out into a set of their own.
func (a *app) readTraining(ctx context.Context, f *mlmFlags, t *mlmText, p *mlm.Packer, path string, tok *tokenize.Tokenizer) error {
	dev, err := newHeldOut(t, f, tok)
	if err != nil {
		return err
	}
	before := p.Tokens()
	err = a.readText(ctx, path, f.corpus.encoding, func(n int, text string) (bool, error) {
		switch f.corpus.role(n) {
		case heldOut:
			dev.add(text)
		case training:
			for _, s := range index.Sentences(text) {
				p.Sentence(s)
			}
			p.EndDocument()
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	t.sources = append(t.sources, card.Source{Name: filepath.Base(path), Count: p.Tokens() - before, Unit: "tokens"})
	if f.corpus.devShare == 0 {
		return nil
	}
	return dev.close(path)
}

func (a *app) readHeldOut(ctx context.Context, f *mlmFlags, t *mlmText, path string, tok *tokenize.Tokenizer) error {
	dev, err := newHeldOut(t, f, tok)
	if err != nil {
		return err
	}
	err = a.readText(ctx, path, f.corpus.encoding, func(_ int, text string) (bool, error) {
		dev.add(text)
		return !dev.full(), nil
	})
	if err != nil {
		return err
	}
	return dev.close(path)
}

// heldOutText gathers the held-out documents of a file, up to a number of
// tokens.
type heldOutText struct {
	text   *mlmText
	packer *mlm.Packer
	most   int
	kept   int
}

func newHeldOut(t *mlmText, f *mlmFlags, tok *tokenize.Tokenizer) (*heldOutText, error) {
	p, err := mlm.NewPacker(tok, f.maxTokens)
	return &heldOutText{text: t, packer: p, most: f.devTokens}, err
}

func (h *heldOutText) full() bool { return h.packer.Tokens() >= h.most }

func (h *heldOutText) add(text string) {
	for _, s := range index.Sentences(text) {
		if h.full() {
			break
		}
		h.packer.Sentence(s)
		if h.kept < speedSentences {
			h.text.sentences, h.kept = append(h.text.sentences, s), h.kept+1
		}
	}
	h.packer.EndDocument()
}

func (h *heldOutText) close(path string) error {
	data, err := h.packer.Data()
	if err != nil {
		return fmt.Errorf("held-out text of %s: %w", path, err)
	}
	h.text.dev = append(h.text.dev, devSet{filepath.Base(path), data})
	return nil
}

// check refuses text that does not fill a batch.
func (t *mlmText) check(o *train.Options) error {
	if n := t.train.Tokens(); n < o.Plan.Tokens {
		return cli.WithHint(fmt.Errorf("%w: %s, fewer than a batch of %d", mlm.ErrCorpus, count(n, "token"), o.Plan.Tokens),
			"give more text, or a smaller --batch-tokens")
	}
	return nil
}

// evalShare is the share of tokens hidden in evaluations, whatever it is in
// training, so that scores compare.
const evalShare = 0.15

// devScore is a net's score on one set.
type devScore struct {
	Set string `json:"set"`
	mlm.Score
}

// evaluate scores a net on every held-out set, and on all of them as one. The
// tokens that are hidden are always the same.
func (t *mlmText) evaluate(ctx context.Context, e *train.Engine, n *mlm.Net, m *mlm.Masker) ([]devScore, mlm.Score, error) {
	var list []devScore
	var scores []mlm.Score
	for _, d := range t.dev {
		if err := ctx.Err(); err != nil {
			return nil, mlm.Score{}, err
		}
		s, err := n.Evaluate(e, d.data, m, 1)
		if err != nil {
			return nil, mlm.Score{}, fmt.Errorf("%s: %w", d.name, err)
		}
		list, scores = append(list, devScore{d.name, s}), append(scores, s)
	}
	return list, mlm.Pool(scores...), nil
}
