package index

import (
	"context"
	"fmt"
)

// TokenEncoder is an Encoder that tells its model's tokens: what passages sized in
// tokens need.
type TokenEncoder interface {
	// TokenSpans is a Tokenize.
	TokenSpans(text string) []Span
}

// LateEncoder is an Encoder that can encode passages within their documents.
type LateEncoder interface {
	// CanEncodeLate is nil, or says why the model cannot.
	CanEncodeLate() error
	// EncodeLate gives a vector for every span of every document, in order.
	EncodeLate(ctx context.Context, documents []LateDocument) ([][]float32, error)
}

// LateDocument is a text with the stretches of it that get vectors, ordered by
// start, and what stands before the part of the text that is read for each.
type LateDocument struct {
	Text     string
	Spans    []Span
	Prefixes []string
}

// checkSplit reports ErrInvalidSetting for options that are wrong or that the
// encoder cannot fulfil.
func (s *Service) checkSplit(o SplitOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	if _, ok := s.encoder.(TokenEncoder); !ok && o.Unit == Tokens {
		return fmt.Errorf("%w: passages sized in tokens need an encoder that tells its tokens", ErrInvalidSetting)
	}
	if !o.Late {
		return nil
	}
	late, ok := s.encoder.(LateEncoder)
	if !ok {
		return fmt.Errorf("%w: the encoder cannot encode passages within their documents", ErrInvalidSetting)
	}
	if err := late.CanEncodeLate(); err != nil {
		return fmt.Errorf("%w: late chunking: %w", ErrInvalidSetting, err)
	}
	return nil
}

// encodeLate is encode for Late. Documents of a title alone have no text that
// could be pooled from; their titles are encoded.
func (w *writer) encodeLate(ctx context.Context, records []Record) error {
	late, ok := w.service.encoder.(LateEncoder)
	if !ok {
		return fmt.Errorf("%w: it cannot encode passages within their documents", ErrEncoder)
	}
	var titles []string
	var titled, targets []*Passage
	var documents []LateDocument
	flush := func() error {
		vectors, err := w.service.checked(len(targets), func() ([][]float32, error) { return late.EncodeLate(ctx, documents) })
		for i, v := range vectors {
			targets[i].Vector = v
		}
		documents, targets = documents[:0], targets[:0]
		return err
	}
	for i := range records {
		r := &records[i]
		prefixes := w.settings.Split.Prefixes(r)
		if p := &r.Passages[0]; len(r.Passages) == 1 && p.Start == p.End {
			titles, titled = append(titles, prefixes[0]), append(titled, p)
			continue
		}
		d := LateDocument{Text: r.Text, Prefixes: prefixes}
		for j := range r.Passages {
			p := &r.Passages[j]
			d.Spans, targets = append(d.Spans, Span{p.Start, p.End}), append(targets, p)
		}
		if documents = append(documents, d); len(targets) >= encodeBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil || len(titles) == 0 {
		return err
	}
	vectors, err := w.service.encode(ctx, w.service.encoder.EncodePassages, titles)
	for i, v := range vectors {
		titled[i].Vector = v
	}
	return err
}
