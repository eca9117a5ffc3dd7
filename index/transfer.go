package index

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"
)

// An export is JSON lines: an ExportHeader, then one ExportLine per document.
// If it could not be finished, its last line is an ExportFailure.

// exportVersion is the version of exports that this program writes, and the
// highest that it reads.
const exportVersion = 1

// ErrExport marks something that is no export, or not a whole one.
var ErrExport = errors.New("not a whole export")

// ExportHeader is the first line of an export. Its counts are those of the
// documents that follow, so that one that was cut off is known.
type ExportHeader struct {
	Version    int       `json:"semdex_export"`
	Collection string    `json:"collection"`
	Created    time.Time `json:"created"` // when the export was made
	Documents  int       `json:"documents"`
	Passages   int       `json:"passages"`
	Vectors    bool      `json:"vectors"`
	Settings   Settings  `json:"settings"`
	Synonyms   string    `json:"synonyms,omitempty"` // as ParseSynonyms reads them
}

// ExportLine is a document, with its passages if the export has vectors.
type ExportLine struct {
	Document
	Passages []ExportPassage `json:"passages,omitempty"`
}

// ExportPassage is a passage: runes of the text, half open, and the vector as
// base64 of little-endian float32; without one the model finds nothing in it.
type ExportPassage struct {
	Start  int    `json:"start"`
	End    int    `json:"end"`
	Vector string `json:"vector,omitempty"`
}

// ExportFailure is the last line of an export that failed on the way.
type ExportFailure struct {
	Error json.RawMessage `json:"error"`
}

// ExportOptions say what an export holds.
type ExportOptions struct {
	// Vectors adds each document's passages with their vectors.
	Vectors bool
}

// Export writes a collection as it was at one moment, while writes go on.
// Each call of w gets whole lines; none comes before the collection is found.
func (s *Service) Export(ctx context.Context, collection string, w io.Writer, o ExportOptions) (ExportHeader, error) {
	c, err := s.open(ctx, collection)
	if err != nil {
		return ExportHeader{}, err
	}
	synonyms, err := c.Synonyms(ctx)
	if err != nil {
		return ExportHeader{}, err
	}
	var header ExportHeader
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	flush := func(full int) error {
		if lines.Len() < full {
			return nil
		}
		_, err := lines.WriteTo(w)
		return err
	}
	err = c.Export(ctx, o.Vectors, func(info Info) error {
		header = ExportHeader{
			Version: exportVersion, Collection: info.Name, Created: time.Now().UTC(),
			Documents: info.Documents, Passages: info.Passages, Vectors: o.Vectors, Settings: info.Settings, Synonyms: synonyms,
		}
		return enc.Encode(header)
	}, func(r Record) error {
		line := ExportLine{Document: r.Document}
		if o.Vectors {
			line.Passages = exportPassages(r.Passages)
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
		return flush(64 << 10)
	})
	return header, errors.Join(err, flush(1))
}

func exportPassages(passages []Passage) []ExportPassage {
	out := make([]ExportPassage, len(passages))
	for i, p := range passages {
		out[i] = ExportPassage{Start: p.Start, End: p.End}
		if p.Vector == nil {
			continue
		}
		b := make([]byte, 0, 4*len(p.Vector))
		for _, x := range p.Vector {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		out[i].Vector = base64.StdEncoding.EncodeToString(b)
	}
	return out
}

// passage undoes exportPassages. Vectors are not checked yet.
func (p ExportPassage) passage() (Passage, error) {
	out := Passage{Start: p.Start, End: p.End}
	if p.Vector == "" {
		return out, nil
	}
	b, err := base64.StdEncoding.DecodeString(p.Vector)
	if err != nil {
		return out, fmt.Errorf("%w: %w", ErrInvalidVector, err)
	}
	if len(b)%4 != 0 {
		return out, fmt.Errorf("%w: %d bytes are no float32 values", ErrInvalidVector, len(b))
	}
	out.Vector = make([]float32, len(b)/4)
	for i := range out.Vector {
		out.Vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out, nil
}

// ExportReader reads an export.
type ExportReader struct {
	header ExportHeader
	dec    *json.Decoder
}

// NewExportReader reads the header of an export; ErrExport if there is none,
// ErrNewerFormat if a newer program wrote it.
func NewExportReader(r io.Reader) (*ExportReader, error) {
	e := &ExportReader{dec: json.NewDecoder(bufio.NewReaderSize(r, 64<<10))}
	var raw json.RawMessage
	if err := e.dec.Decode(&raw); err != nil {
		return nil, fmt.Errorf("%w: the first line is no header: %w", ErrExport, err)
	}
	if err := json.Unmarshal(raw, &e.header); err != nil || e.header.Version < 1 {
		return nil, fmt.Errorf("%w: the first line is no header", ErrExport)
	}
	if v := e.header.Version; v > exportVersion {
		return nil, fmt.Errorf("%w: the export has version %d, this program reads up to %d", ErrNewerFormat, v, exportVersion)
	}
	return e, nil
}

// Header returns the first line.
func (e *ExportReader) Header() ExportHeader { return e.header }

// Records reads the documents, once. A record has passages only if the export
// has vectors. After the last one comes ErrExport if there are not as many as
// the header says.
func (e *ExportReader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		read := 0
		for ; ; read++ {
			r, err := e.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				yield(Record{}, fmt.Errorf("document %d of the export: %w", read+1, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if read != e.header.Documents {
			yield(Record{}, fmt.Errorf("%w: it ends after %d of %d documents", ErrExport, read, e.header.Documents))
		}
	}
}

func (e *ExportReader) next() (Record, error) {
	var line struct {
		ExportLine
		ExportFailure
	}
	if err := e.dec.Decode(&line); err != nil {
		if errors.Is(err, io.EOF) {
			return Record{}, io.EOF
		}
		return Record{}, fmt.Errorf("%w: %w", ErrExport, err)
	}
	if line.Error != nil {
		return Record{}, fmt.Errorf("%w: it failed on the way: %s", ErrExport, line.Error)
	}
	r := Record{Document: line.Document}
	if !e.header.Vectors {
		return r, nil
	}
	r.Passages = make([]Passage, len(line.Passages))
	for i, p := range line.Passages {
		var err error
		if r.Passages[i], err = p.passage(); err != nil {
			return r, fmt.Errorf("passage %d of document %.80q: %w", i, r.ID, err)
		}
	}
	return r, nil
}
