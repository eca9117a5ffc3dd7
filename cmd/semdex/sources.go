package main

import (
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"semdex/internal/source"
)

// sourceFlags say how files become documents.
type sourceFlags struct {
	options   source.Options
	format    string
	meta      []string
	delimiter string
}

func (s *sourceFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&s.format, "format", "f", "", "`format` of all files: jsonl, json, csv, tsv, text, markdown, html (default by extension)")
	f.StringVar(&s.options.Fields.ID, "id", "", "`field` with the id (default id, _id, doc_id, ...; else file and line)")
	f.StringVar(&s.options.Fields.Title, "title", "", "`field` with the title (default title, headline, subject)")
	f.StringSliceVar(&s.options.Fields.Text, "text", nil, "`fields` with the text, joined by blank lines (default text, contents, body, ...)")
	f.StringSliceVar(&s.meta, "meta", nil, "`fields` to keep as metadata, NAME or NAME:keyword|number|bool|time; none keeps none (default all others)")
	f.BoolVar(&s.options.Lines, "lines", false, "in plain text, take every line as a document")
	f.StringVar(&s.delimiter, "delimiter", "", "`character` between columns (default found in the header)")
	f.StringVar(&s.options.Encoding, "encoding", "", "`name` of the text encoding, such as cp949 (default found out)")
	f.BoolVar(&s.options.SkipBad, "skip-bad", false, "go on after records that cannot be read")
}

// parse checks what the flags say and completes the options.
func (s *sourceFlags) parse() error {
	var err error
	if s.options.Format, err = source.ParseFormat(s.format); err != nil {
		return err
	}
	if err := s.options.Fields.ParseMeta(s.meta); err != nil {
		return err
	}
	switch s.delimiter {
	case "":
	case `\t`, "tab":
		s.options.Delimiter = '\t'
	default:
		r, size := utf8.DecodeRuneInString(s.delimiter)
		if size != len(s.delimiter) || r == '"' || r == '\n' || r == '\r' || r == utf8.RuneError {
			return fmt.Errorf("--delimiter %q is not one character", s.delimiter)
		}
		s.options.Delimiter = r
	}
	return nil
}
