package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"semdex/embed"
	"semdex/embed/queue"
	"semdex/embed/tokenize"
	"semdex/index"
	"semdex/internal/cli"
)

// splitFlags say how documents become passages.
type splitFlags struct {
	split       index.SplitOptions
	unit, title string
}

func (s *splitFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&s.split.Size, "passage-size", 0, "`n` columns or tokens are the most of a passage (default 1200, or 256 tokens)")
	f.IntVar(&s.split.Overlap, "passage-overlap", 0, "`n` columns or tokens at most are repeated from the passage before")
	f.StringVar(&s.unit, "passage-unit", "", "`unit` of both: columns (2 for a wide character) or tokens of the model (default columns)")
	f.BoolVar(&s.split.Headings, "passage-headings", false, "begin a passage at every heading")
	f.StringVar(&s.title, "passage-title", "", "`what` stands before each passage: none, title, or path, the title and its headings (default title)")
	f.BoolVar(&s.split.Late, "passage-late", false, "encode passages within their document (late chunking); needs a transformer")
}

// parse completes the options and checks them.
func (s *splitFlags) parse(cmd *cobra.Command) error {
	s.split.Unit, s.split.Title = index.Unit(s.unit), index.Prefix(s.title)
	if err := s.split.Check(); err != nil {
		return usage(cmd, "%v", err)
	}
	return nil
}

// fit holds the flags against the collection that is there.
func (s *splitFlags) fit(info index.Info) error {
	if s.split.IsZero() || s.split.Equal(info.Settings.Split) {
		return nil
	}
	err := fmt.Errorf("%w: collection %q has passages of %v, the flags say %v", index.ErrInvalidSetting, info.Name, info.Settings.Split, s.split)
	return cli.WithHint(err, "a collection keeps the passages it began with; without the flags it takes more documents, others need a new one")
}

// usesHeadings asks whether headings are worth sending: servers of before do not
// know them.
func (r *remote) usesHeadings(ctx context.Context, collection string) (bool, error) {
	info, err := r.Info(ctx, collection)
	if errors.Is(err, index.ErrCollectionNotFound) {
		return false, nil
	}
	return info.Settings.Split.UsesHeadings(), err
}

var (
	_ index.TokenEncoder = (*textEncoder)(nil)
	_ index.LateEncoder  = (*textEncoder)(nil)
)

// TokenSpans implements index.TokenEncoder.
func (e *textEncoder) TokenSpans(text string) []index.Span {
	offsets := e.Tokenizer().Encode(text, tokenize.Options{NoSpecials: true}).Offsets
	spans := make([]index.Span, len(offsets))
	for i, o := range offsets {
		spans[i] = index.Span{Start: int(o.Start), End: int(o.End)}
	}
	return spans
}

// CanEncodeLate implements index.LateEncoder.
func (e *textEncoder) CanEncodeLate() error { return e.CanEncodeSpans() }

// EncodeLate implements index.LateEncoder.
func (e *textEncoder) EncodeLate(ctx context.Context, documents []index.LateDocument) ([][]float32, error) {
	texts := make([]embed.SpanText, len(documents))
	for i, d := range documents {
		texts[i] = embed.SpanText{Text: d.Text, Prefixes: d.Prefixes, Spans: make([]embed.Span, len(d.Spans))}
		for j, s := range d.Spans {
			texts[i].Spans[j] = embed.Span(s)
		}
	}
	r, err := e.EncodeSpans(ctx, texts, embed.EncodeOptions{PromptName: e.passage, Class: queue.Bulk})
	if err != nil {
		logPanic(e.log, err)
	}
	return r.Vectors, serverError(err)
}
