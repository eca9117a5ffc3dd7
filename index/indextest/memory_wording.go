package indextest

import (
	"context"
	"slices"

	"semdex/index"
)

// words are the terms of a text that are whole words, in order.
func words(text string) []string {
	var out []string
	for _, t := range wholeWords(text) {
		out = append(out, t.term)
	}
	return out
}

func wholeWords(text string) []token {
	var out []token
	end := 0
	for _, t := range analyze(text) {
		if t.span.Start >= end { // not a pair of syllables of the word before
			out = append(out, t)
			end = t.span.End
		}
	}
	return out
}

func holds(text, phrase string) bool {
	have, want := words(text), words(phrase)
	for i := 0; i+len(want) <= len(have); i++ {
		if slices.Equal(have[i:i+len(want)], want) {
			return len(want) > 0
		}
	}
	return false
}

// allows is the reference of index.Wording.
func (d *memoryDocument) allows(ordinal int, w index.Wording) bool {
	if ordinal < 0 || ordinal >= len(d.record.Passages) {
		return false
	}
	p := d.record.Passages[ordinal]
	body := string([]rune(d.record.Text)[p.Start:p.End])
	for _, phrase := range w.Phrases {
		if len(words(phrase)) > 0 && !holds(body, phrase) && !holds(d.prefixes[ordinal], phrase) {
			return false
		}
	}
	return !slices.ContainsFunc(w.Excluded, func(phrase string) bool { return holds(body, phrase) || holds(d.prefixes[ordinal], phrase) })
}

func (h *memoryHandle) KeywordWording(ctx context.Context, text index.Words, w index.Wording, k int, f index.Filter) (leg index.Leg, err error) {
	err = h.read(ctx, func() error {
		accepted, err := h.accepted(f)
		if err != nil {
			return err
		}
		score, full := h.score(text)
		var matching []index.Candidate
		for _, d := range accepted {
			for i := range d.terms {
				if d.allows(i, w) {
					matching = append(matching, index.Candidate{Ref: index.Ref{Document: d.record.ID, Ordinal: i}, Score: score(d, i)})
				}
			}
		}
		leg = bestOf(matching, k, "phrase", len(matching))
		leg.Full = full
		return nil
	})
	return leg, err
}

func (h *memoryHandle) Allows(ctx context.Context, refs []index.Ref, w index.Wording) (out []bool, err error) {
	err = h.read(ctx, func() error {
		out = make([]bool, len(refs))
		for i, ref := range refs {
			d := h.documents[ref.Document]
			out[i] = d != nil && d.allows(ref.Ordinal, w)
		}
		return nil
	})
	return out, err
}

func (h *memoryHandle) Vectors(ctx context.Context, refs []index.Ref) (out [][]float32, err error) {
	err = h.read(ctx, func() error {
		out = make([][]float32, len(refs))
		for i, ref := range refs {
			if d := h.documents[ref.Document]; d != nil && ref.Ordinal >= 0 && ref.Ordinal < len(d.record.Passages) {
				out[i] = slices.Clone(d.record.Passages[ref.Ordinal].Vector)
			}
		}
		return nil
	})
	return out, err
}
