package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
)

func TestRecords(t *testing.T) {
	type doc = Document
	cases := []struct {
		name, in string
		opt      Options
		docs     []doc
		errs     []string
	}{
		{
			name: "beir",
			in:   `{"_id": "4983", "title": "T", "text": "x", "metadata": {"year": 2001}}` + "\n",
			docs: []doc{{ID: "4983", Title: "T", Text: "x", Metadata: map[string]any{"year": 2001.0}}},
		},
		{
			name: "usual names, crlf, blank lines, no end of line",
			in:   "\r\n" + `{"doc_id":7,"contents":"하나"}` + "\r\n\r\n" + `{"uid":"u","body":"둘"}`,
			docs: []doc{{ID: "7", Text: "하나"}, {ID: "u", Text: "둘"}},
		},
		{
			name: "no id",
			in:   "\n" + `{"text":"a"}`,
			docs: []doc{{ID: "stdin:2", Text: "a"}},
		},
		{
			name: "mapped fields, nested and joined",
			in:   `{"key":"k","meta":{"lang":"ko"},"post":{"head":"H","lead":"L","body":"B"},"n":"12","when":"2026-03-01"}`,
			opt: Options{Fields: Fields{
				ID: "key", Title: "post.head", Text: []string{"post.lead", "post.body"},
				Meta: []MetaField{{Name: "meta.lang"}, {Name: "n", Kind: Number}, {Name: "absent"}},
			}},
			docs: []doc{{ID: "k", Title: "H", Text: "L\n\nB", Metadata: map[string]any{"meta.lang": "ko", "n": 12.0}}},
		},
		{
			name: "metadata by default",
			in:   `{"id":"a","text":"x","lang":"ko","ok":true,"tags":["p","q"],"vec":[1,2],"none":null,"by":{"name":"N"},"metadata":{"y":1.5}}`,
			docs: []doc{{ID: "a", Text: "x", Metadata: map[string]any{"lang": "ko", "ok": true, "tags": []string{"p", "q"}, "by.name": "N", "y": 1.5}}},
		},
		{
			name: "no metadata",
			in:   `{"id":"a","text":"x","lang":"ko"}`,
			opt:  Options{Fields: Fields{NoMeta: true}},
			docs: []doc{{ID: "a", Text: "x"}},
		},
		{
			name: "a title alone is a document, blank is left out",
			in:   `{"id":"a","title":"T","text":""}` + "\n" + `{"id":"b","title":"","text":" "}`,
			docs: []doc{{ID: "a", Title: "T"}},
		},
		{
			name: "stops at the first bad line",
			in:   `{"id":"a","text":"x"}` + "\n{oops}\n" + `{"id":"b","text":"y"}`,
			docs: []doc{{ID: "a", Text: "x"}},
			errs: []string{`standard input:2: not JSON: invalid character 'o' looking for beginning of object key string, near "{oops}"`},
		},
		{
			name: "skips bad lines",
			in: strings.Join([]string{
				`{"id":"a","text":"x"}`, `[1]`, `{"id":"b"`, `{"id":"c","text":7}`, `{"id":{},"text":"x"}`, `{"id":"","text":"x"}`,
				`{"id":"d","name":"n"}`, `{"text":"x"} {"text":"y"}`, "{\"text\":\"\xff\"}", `{"id":"n","text":"x","big":12345678901234567890}`, `{"id":"e","title":3,"text":"y"}`, `{"id":"z","text":"y"}`,
			}, "\n"),
			opt:  Options{Format: JSONL, SkipBad: true},
			docs: []doc{{ID: "a", Text: "x"}, {ID: "z", Text: "y"}},
			errs: []string{
				`standard input:2: a list, want an object`,
				`standard input:3: not JSON: it ends too early`,
				`standard input:4: field "text": the text is a number, want a string`,
				`standard input:5: field "id": the id is an object, want a string or a number`,
				`standard input:6: field "id": the id is empty`,
				`standard input:7: no field for the text; it has id, name; name it with --text`,
				`standard input:8: not JSON: something follows the object`,
				`standard input:9: not valid UTF-8; name the file's encoding with --encoding (cp949, utf-16le, windows-1252, ...)`,
				`standard input:10: field "big": the number 12345678901234567890 is too large to be kept exactly; --meta NAME:keyword keeps it as a word`,
				`standard input:11: field "title": the title is a number, want a string`,
			},
		},
		{
			name: "refused by the check",
			in:   `{"id":"a","text":"x"}` + "\n" + `{"id":"bad","text":"x"}` + "\n" + `{"id":"b","text":"x"}`,
			opt: Options{SkipBad: true, Check: func(d Document) error {
				if d.ID == "bad" {
					return errors.New("refused")
				}
				return nil
			}},
			docs: []doc{{ID: "a", Text: "x"}, {ID: "b", Text: "x"}},
			errs: []string{"standard input:2: refused"},
		},
		{
			name: "array",
			in:   "\n[\n {\"id\":1,\"text\":\"a\"},\n 5,\n {\n\"id\":2,\"text\":\"b\"}\n]\n",
			opt:  Options{SkipBad: true},
			docs: []doc{{ID: "1", Text: "a"}, {ID: "2", Text: "b"}},
			errs: []string{"standard input:4: a number, want an object"},
		},
		{
			name: "objects one after another",
			in:   "{\n\"id\":1,\n\"text\":\"a\"}\n{\"text\":\"b\"}",
			opt:  Options{Format: JSON},
			docs: []doc{{ID: "1", Text: "a"}, {ID: "stdin:4", Text: "b"}},
		},
		{
			name: "array cut off",
			in:   "[{\"id\":1,\"text\":\"a\"},\n{\"id\":",
			docs: []doc{{ID: "1", Text: "a"}},
			errs: []string{"standard input:2: not JSON: it ends too early; the rest of the file cannot be read"},
		},
		{
			name: "array not closed",
			in:   "[{\"id\":1,\"text\":\"a\"}",
			docs: []doc{{ID: "1", Text: "a"}},
			errs: []string{"standard input:1: not JSON: it ends too early; the rest of the file cannot be read"},
		},
		{
			name: "array with a broken object",
			in:   "[{\"id\":1,\"text\":\"a\"},\n\n{id:2}]",
			docs: []doc{{ID: "1", Text: "a"}},
			errs: []string{"standard input:3: not JSON: invalid character 'i' looking for beginning of object key string; the rest of the file cannot be read"},
		},
		{name: "nothing", in: ""},
		{name: "empty array", in: "[]"},
		{
			name: "not json",
			in:   "hello",
			errs: []string{"standard input: this is not JSON; name the format with --format"},
		},
		{
			name: "csv with quotes and kinds",
			in:   "id,text,year,ok,zip\n1,\"a, \"\"b\"\"\n둘째 줄\",1999,true,007\n2,c,,FALSE,010\n",
			opt:  Options{Format: CSV},
			docs: []doc{
				{ID: "1", Text: "a, \"b\"\n둘째 줄", Metadata: map[string]any{"year": 1999.0, "ok": true, "zip": "007"}},
				{ID: "2", Text: "c", Metadata: map[string]any{"ok": false, "zip": "010"}},
			},
		},
		{
			name: "csv with semicolons",
			in:   "uid;title;text\nx;T;a, b\n",
			opt:  Options{Format: CSV},
			docs: []doc{{ID: "x", Title: "T", Text: "a, b"}},
		},
		{
			name: "csv kind by the user",
			in:   "id,text,year,day\n1,a,1999,2026-03-01\n",
			opt:  Options{Format: CSV, Fields: Fields{Meta: []MetaField{{Name: "year", Kind: Keyword}}}},
			docs: []doc{{ID: "1", Text: "a", Metadata: map[string]any{"year": "1999"}}},
		},
		{
			name: "csv bad rows",
			in:   "id,text\n1,a,b\n2,\"x\" y\n3,ok\n",
			opt:  Options{Format: CSV, SkipBad: true},
			docs: []doc{{ID: "3", Text: "ok"}},
			errs: []string{
				"standard input:2: 3 columns where the header has 2",
				`standard input:3: extraneous or missing " in quoted-field`,
			},
		},
		{
			name: "csv without the column",
			in:   "a,b\n1,2\n",
			opt:  Options{Format: CSV},
			errs: []string{"standard input:2: no field for the text; it has a, b; name it with --text"},
		},
		{
			name: "tsv with plain quotes",
			in:   "id\ttext\n1\t\"Hello\" he said\n2\tit's 5\" wide\n",
			opt:  Options{Format: TSV},
			docs: []doc{{ID: "1", Text: `"Hello" he said`}, {ID: "2", Text: `it's 5" wide`}},
		},
		{
			name: "tsv with csv quotes",
			in:   "id\ttext\n1\t\"two\nlines\"\n",
			opt:  Options{Format: TSV},
			docs: []doc{{ID: "1", Text: "two\nlines"}},
		},
		{
			name: "text",
			in:   "\n  하나\r\n둘\n",
			opt:  Options{Format: Text},
			docs: []doc{{ID: "stdin", Text: "하나\n둘"}},
		},
		{
			name: "lines",
			in:   "하나\n\n둘\n\xff\n셋",
			opt:  Options{Format: Text, Lines: true, SkipBad: true},
			docs: []doc{{ID: "stdin:1", Text: "하나"}, {ID: "stdin:3", Text: "둘"}, {ID: "stdin:5", Text: "셋"}},
			errs: []string{"standard input:4: not valid UTF-8; name the file's encoding with --encoding (cp949, utf-16le, windows-1252, ...)"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			docs, errs := fromText(t, c.in, c.opt)
			same(t, "documents", docs, c.docs)
			same(t, "errors", errs, c.errs)
		})
	}
}

// TestNumbersAppearLater: a column that looks like numbers for all rows of the
// sample and then is none stops with the line and the way out.
func TestNumbersAppearLater(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,text,n\n")
	for i := range sampleRows {
		fmt.Fprintf(&b, "%d,x,%d\n", i, i)
	}
	b.WriteString("last,x,12a\n")
	docs, errs := fromText(t, b.String(), Options{Format: CSV})
	if len(docs) != sampleRows || len(errs) != 1 || !strings.Contains(errs[0], fmt.Sprintf(":%d: column \"n\"", sampleRows+2)) {
		t.Errorf("%d documents, errors %q", len(docs), errs)
	}
}

func TestEncodings(t *testing.T) {
	const line = "{\"id\":\"a\",\"text\":\"한국어 문장, 똠방각하 펲시콜라\"}\n"
	long := strings.Repeat("{\"text\":\"ascii first\"}\n", 10_000) + line
	cp949, err := korean.EUCKR.NewEncoder().String(line)
	if err != nil {
		t.Fatal(err)
	}
	cp949Late := strings.Repeat("{\"text\":\"ascii first\"}\n", 10_000) + cp949
	utf16 := func(order unicode.Endianness, bom unicode.BOMPolicy) string {
		s, err := unicode.UTF16(order, bom).NewEncoder().String(line)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	cases := []struct{ name, in, encoding string }{
		{"utf-8", line, ""},
		{"utf-8 named", line, "UTF-8"},
		{"utf-8 bom", "\xef\xbb\xbf" + line, ""},
		{"utf-8 late", long, ""},
		{"utf-16le bom", utf16(unicode.LittleEndian, unicode.UseBOM), ""},
		{"utf-16be bom", utf16(unicode.BigEndian, unicode.UseBOM), ""},
		{"utf-16le named", utf16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le"},
		{"cp949 detected", cp949, ""},
		{"cp949 late", cp949Late, ""},
		{"cp949 named", cp949, "cp949"},
		{"euc-kr named", cp949, "EUC-KR"},
	}
	for _, c := range cases {
		docs, errs := fromText(t, c.in, Options{Format: JSONL, Encoding: c.encoding})
		if len(docs) == 0 || errs != nil || docs[len(docs)-1].Text != "한국어 문장, 똠방각하 펲시콜라" {
			t.Errorf("%s: %d documents, errors %q, last %s", c.name, len(docs), errs, asJSON(t, docs[max(0, len(docs)-1):]))
		}
	}
	if _, err := Open([]string{Stdin}, Options{Encoding: "klingon"}); err == nil {
		t.Error("an unknown encoding was accepted")
	}
}

// TestDamagedUTF8StaysUTF8: one broken byte in Korean UTF-8 text is an error
// at its line, not a reason to read the file in another encoding.
func TestDamagedUTF8StaysUTF8(t *testing.T) {
	in := "{\"text\":\"한국어 \xb0\xa1 문장\"}\n{\"text\":\"다음 줄\"}\n"
	docs, errs := fromText(t, in, Options{Format: JSONL, SkipBad: true})
	if len(docs) != 1 || docs[0].Text != "다음 줄" || len(errs) != 1 {
		t.Errorf("got %s, errors %q", asJSON(t, docs), errs)
	}
}

func TestLongLines(t *testing.T) {
	text := strings.Repeat("긴 줄 ", 300_000)
	docs, errs := fromText(t, `{"id":"long","text":"`+text+`"}`+"\n"+`{"id":"next","text":"x"}`, Options{})
	if errs != nil || len(docs) != 2 || docs[0].Text != text {
		t.Fatalf("%d documents, errors %q", len(docs), errs)
	}
}

func TestCompressed(t *testing.T) {
	dir := t.TempDir()
	const line = "{\"id\":\"%s\",\"text\":\"압축\"}\n"
	var gz bytes.Buffer
	for _, id := range []string{"a", "b"} { // two members, as from cat
		w := gzip.NewWriter(&gz)
		fmt.Fprintf(w, line, id)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zst := enc.EncodeAll(fmt.Appendf(nil, line, "c"), nil)
	write(t, dir, "1.jsonl.gz", gz.String())
	write(t, dir, "2.jsonl.zst", string(zst))
	write(t, dir, "3.ndjson", gz.String()) // goes by content
	docs, errs, s := collectAll(t, []string{dir}, Options{})
	same(t, "ids", ids(docs), []string{"a", "b", "c", "a", "b"})
	same(t, "errors", errs, []string(nil))
	if s.Read() != s.Size() || s.Size() == 0 {
		t.Errorf("read %d of %d bytes", s.Read(), s.Size())
	}

	cut := write(t, dir, "cut.jsonl.gz", gz.String()[:gz.Len()-4])
	_, errs, _ = collectAll(t, []string{cut}, Options{SkipBad: true})
	same(t, "cut off", errs, []string{cut + ": gzip: unexpected EOF"})
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.txt", "a/z.md", "a/deep/y.html", ".hidden.txt", ".git/x.txt", "image.png", "empty.txt"} {
		content := "text of " + name
		if name == "empty.txt" {
			content = ""
		}
		write(t, dir, name, content)
	}
	docs, errs, s := collectAll(t, []string{dir}, Options{})
	same(t, "errors", errs, []string(nil))
	same(t, "ids", ids(docs), []string{"a/deep/y.html", "a/z.md", "b.txt"})
	if s.Ignored() != 1 || s.Blank() != 1 || s.Files() != 4 {
		t.Errorf("ignored %d, blank %d, files %d", s.Ignored(), s.Blank(), s.Files())
	}

	all, _, _ := collectAll(t, []string{dir}, Options{Format: Text})
	same(t, "one format for all", ids(all), []string{"a/deep/y.html", "a/z.md", "b.txt", "image.png"})

	one := filepath.Join(dir, "a", "z.md")
	other := write(t, dir, "c/z.md", "other")
	pair, _, _ := collectAll(t, []string{one, other, filepath.Join(dir, "b.txt")}, Options{})
	same(t, "names that would clash", ids(pair), []string{filepath.ToSlash(one), filepath.ToSlash(other), "b.txt"})
}

func TestPathsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	unknown := write(t, dir, "x.bin", "?")
	if _, err := Open([]string{filepath.Join(dir, "absent.jsonl")}, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := Open([]string{unknown}, Options{}); err == nil || !strings.Contains(err.Error(), "--format") {
		t.Errorf("unknown extension: %v", err)
	}
	if _, err := Open([]string{dir}, Options{}); !errors.Is(err, ErrNoFiles) {
		t.Errorf("folder with nothing to read: %v", err)
	}
	if _, err := Open(nil, Options{}); !errors.Is(err, ErrNoFiles) {
		t.Errorf("no paths: %v", err)
	}
}

func TestStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := Open([]string{Stdin}, Options{Stdin: strings.NewReader(strings.Repeat("{\"text\":\"x\"}\n", 1000))})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var last error
	for _, err := range s.Documents(ctx) {
		if last = err; err == nil {
			n++
		}
		cancel()
	}
	if n != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d documents, then %v", n, last)
	}
}

func TestConsumerStops(t *testing.T) {
	s, err := Open([]string{Stdin}, Options{Stdin: strings.NewReader("{\"text\":\"x\"}\n{\"text\":\"y\"}\n")})
	if err != nil {
		t.Fatal(err)
	}
	for range s.Documents(context.Background()) {
		break
	}
}

func TestParse(t *testing.T) {
	var f Fields
	if err := f.ParseMeta([]string{"lang", "year:number"}); err != nil {
		t.Fatal(err)
	}
	same(t, "fields", f.Meta, []MetaField{{Name: "lang"}, {Name: "year", Kind: Number}})
	for _, bad := range []string{"year:int", ":number"} {
		if err := new(Fields).ParseMeta([]string{bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if f, err := ParseFormat("NDJSON"); f != JSONL || err != nil {
		t.Errorf("ndjson: %q, %v", f, err)
	}
	if _, err := ParseFormat("docx"); err == nil {
		t.Error("docx was accepted")
	}
}

// FuzzRead feeds any bytes to every reader: it ends, without panic, and every
// document has an id and valid UTF-8.
func FuzzRead(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range seeds {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, s := range []string{"[{\"text\":\"x\"}]", "a,text\n\"1\",2\n", "\xff\xfea\x00", "\x1f\x8b\x08", "---\n---\n", "(\xb5/\xfd"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, format := range []Format{Auto, JSONL, JSON, CSV, TSV, Text, Markdown, HTML} {
			docs, _ := fromText(t, string(content), Options{Format: format, SkipBad: true})
			for _, d := range docs {
				if d.ID == "" || strings.ToValidUTF8(d.Text, "") != d.Text {
					t.Fatalf("%s: bad document %+v", format, d)
				}
			}
		}
	})
}

func TestACompressedFileAnswersToItsPlainName(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(`{"id":"a","text":"one"}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "docs.jsonl.gz", packed.String())
	docs, errs, _ := collectAll(t, []string{filepath.Join(dir, "docs.jsonl")}, Options{})
	same(t, "documents", ids(docs), []string{"a"})
	same(t, "errors", len(errs), 0)
	if _, err := Open([]string{filepath.Join(dir, "other.jsonl")}, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
