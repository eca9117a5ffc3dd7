package tokenize

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// bulkCase is the hash of what the original tokenizer answers for many texts;
// testdata/gen/tokenizer/bulk.js makes them.
type bulkCase struct {
	Vocab, Input                                           string
	CleanText, HandleChineseChars, StripAccents, Lowercase bool
	Texts, Tokens                                          int
	SHA256                                                 string
}

// dataFolder is the folder of real vocabularies and texts, which stands
// outside the repository.
func dataFolder(t testing.TB) string {
	dir := os.Getenv("SEMDEX_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "vocab")); err != nil {
		t.Skipf("no real vocabularies: %v; set SEMDEX_CORPORA", err)
	}
	return dir
}

func TestBulkAgainstOriginal(t *testing.T) {
	dir := dataFolder(t)
	data, err := os.ReadFile(goldenPath("bulk.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []bulkCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if underRace {
		cases = cases[:3] // one configuration; the others differ in nothing concurrent
	}
	inputs := map[string][]string{}
	vocabs := map[string]*Vocab{}
	for number, c := range cases {
		if inputs[c.Input] == nil {
			inputs[c.Input] = bulkInput(t, dir, c)
		}
		if vocabs[c.Vocab] == nil {
			vocabs[c.Vocab] = readVocabFile(t, filepath.Join(dir, "vocab", c.Vocab))
		}
		tok, err := New(vocabs[c.Vocab], Config{
			Lowercase: c.Lowercase, StripAccents: &c.StripAccents, CleanText: c.CleanText,
			ChineseChars: c.HandleChineseChars, Unknown: "[UNK]",
		})
		if err != nil {
			t.Fatal(err)
		}
		tokens, sum, row := 0, sha256.New(), []byte(nil)
		for _, text := range inputs[c.Input] {
			e := tok.Encode(text, Options{})
			row = bulkRow(row[:0], e)
			sum.Write(row)
			tokens += len(e.IDs)
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != c.SHA256 || tokens != c.Tokens {
			t.Errorf("%d: %s %+v over %s: %d tokens, hash %s; want %d, %s", number, c.Vocab, tok.config, c.Input, tokens, got, c.Tokens, c.SHA256)
		}
	}
}

func bulkRow(row []byte, e Encoding) []byte {
	for i, id := range e.IDs {
		if i > 0 {
			row = append(row, ' ')
		}
		row = strconv.AppendInt(row, int64(id), 10)
	}
	row = append(row, ';')
	for i, n := range flat(e.Offsets) {
		if i > 0 {
			row = append(row, ' ')
		}
		row = strconv.AppendInt(row, int64(n), 10)
	}
	return append(row, '\n')
}

// bulkInput gives the texts that bulk.js takes.
func bulkInput(t *testing.T, dir string, c bulkCase) []string {
	if c.Input == "random" {
		return bulkStrings(c.Texts)
	}
	f, err := os.Open(filepath.Join(dir, "text", c.Input+".jsonl.gz"))
	if err != nil {
		t.Skipf("no texts: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(z)
	var out []string
	for len(out) < c.Texts {
		var d struct{ Text string }
		if err := lines.Decode(&d); err != nil {
			t.Fatal(err)
		}
		out = append(out, d.Text)
	}
	return out
}

// bulkStrings draws strings from all over Unicode, with bulk.js's xorshift32.
func bulkStrings(count int) []string {
	x := uint32(2463534242)
	next := func(n rune) rune {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		return rune(x % uint32(n))
	}
	spans := []span{
		{0x20, 0x7e},
		{0x61, 0x7a},
		{0x00, 0x24f},
		{0x300, 0x36f},
		{0x370, 0x5ff},
		{0x600, 0x109f},
		{0x1100, 0x1fff},
		{0x2000, 0x2fff},
		{0x3000, 0x9fff},
		{0xac00, 0xd7a3},
		{0xa000, 0xabff},
		{0xe000, 0xffff},
		{0x10000, 0x1ffff},
		{0x1d100, 0x1d1ff},
		{0x20000, 0x323af},
		{0xe0000, 0x10ffff},
	}
	out := make([]string, count)
	for i := range out {
		var s []rune
		for n := next(40); n >= 0; n-- {
			p := spans[next(rune(len(spans)))]
			s = append(s, p.lo+next(p.hi-p.lo+1))
		}
		out[i] = string(s)
	}
	return out
}
