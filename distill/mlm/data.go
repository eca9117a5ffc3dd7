package mlm

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"unicode/utf8"

	"semdex/embed/tokenize"
	"semdex/internal/train"
)

// ErrCorpus marks a corpus with nothing to learn from, or one that is no text.
var ErrCorpus = errors.New("unusable corpus")

// Data is tokenised text in sequences of bounded length, each between [CLS] and
// [SEP].
type Data struct {
	ids   []int32
	ends  []int
	Texts int // sentences that went in
}

// Len is the number of sequences.
func (d *Data) Len() int { return len(d.ends) }

// Tokens is the number of tokens of all sequences.
func (d *Data) Tokens() int { return len(d.ids) }

// Sequence is the tokens of one sequence, not to be changed.
func (d *Data) Sequence(i int) []int32 {
	from := 0
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.ids[from:d.ends[i]:d.ends[i]]
}

// Fingerprint changes with any token and any cut. It is 16 hexadecimal digits.
func (d *Data) Fingerprint() string {
	h := fnv.New64a()
	var buf []byte
	for i := range d.Len() {
		buf = buf[:0]
		for _, id := range d.Sequence(i) {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(id))
		}
		h.Write(append(buf, '\n'))
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Packer fills sequences with the sentences of a document, in order, and starts
// a new one where a sentence does not fit or the document ends (the
// DOC-SENTENCES format of Liu et al. 2019, section 4.2). A sentence longer than a
// sequence is cut.
type Packer struct {
	tok  *tokenize.Tokenizer
	room int
	data Data
	open []int32
	buf  []int32
}

// NewPacker makes sequences of at most maxTokens tokens, [CLS] and [SEP]
// included. Errors wrap ErrVocabulary, or train.ErrConfig.
func NewPacker(tok *tokenize.Tokenizer, maxTokens int) (*Packer, error) {
	if tok.ClassID() < 0 || tok.SeparatorID() < 0 {
		return nil, fmt.Errorf("%w: it has no [CLS] or no [SEP]", ErrVocabulary)
	}
	if maxTokens < 3 {
		return nil, fmt.Errorf("%w: sequences of %d tokens", train.ErrConfig, maxTokens)
	}
	return &Packer{tok: tok, room: maxTokens - 2}, nil
}

// Sentence adds the next sentence of the document.
func (p *Packer) Sentence(text string) {
	p.buf = p.tok.AppendIDs(p.buf[:0], text)
	if len(p.buf) == 0 {
		return
	}
	p.data.Texts++
	if len(p.open)+len(p.buf) > p.room {
		p.EndDocument()
	}
	rest := p.buf
	for len(rest) > p.room {
		p.open = append(p.open, rest[:p.room]...)
		p.EndDocument()
		rest = rest[p.room:]
	}
	p.open = append(p.open, rest...)
}

// Tokens is the number of tokens packed so far, [CLS] and [SEP] included.
func (p *Packer) Tokens() int { return len(p.data.ids) + len(p.open) }

// EndDocument closes the sequence at hand.
func (p *Packer) EndDocument() {
	if len(p.open) == 0 {
		return
	}
	d := &p.data
	d.ids = append(d.ids, p.tok.ClassID())
	d.ids = append(d.ids, p.open...)
	d.ids = append(d.ids, p.tok.SeparatorID())
	d.ends = append(d.ends, len(d.ids))
	p.open = p.open[:0]
}

// Data ends the last document and gives everything packed so far. It wraps
// ErrCorpus if that is nothing.
func (p *Packer) Data() (*Data, error) {
	p.EndDocument()
	if p.data.Len() == 0 {
		return nil, fmt.Errorf("%w: no tokens", ErrCorpus)
	}
	d := p.data
	p.data = Data{}
	return &d, nil
}

// maxLine bounds a line of a corpus.
const maxLine = 64 << 20

// ReadLines packs a text with a sentence or paragraph in every line and an empty
// line between documents. Errors wrap ErrCorpus, with the line.
func (p *Packer) ReadLines(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 1<<16), maxLine)
	for n := 1; in.Scan(); n++ {
		line := in.Bytes()
		if bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line) {
			return fmt.Errorf("%w: line %d is not UTF-8 text", ErrCorpus, n)
		}
		text := strings.TrimSpace(string(line))
		if text == "" {
			p.EndDocument()
			continue
		}
		p.Sentence(text)
	}
	p.EndDocument()
	if err := in.Err(); err != nil {
		return fmt.Errorf("read corpus: %w", err)
	}
	return nil
}
