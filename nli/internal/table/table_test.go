package table

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDialects(t *testing.T) {
	cases := []struct {
		name, text string
		dialect    Dialect
		want       [][]string
		lines      []int
	}{
		{"csv", "a,\"b, \"\"c\"\"\nd\",e\n\nf,g,h\n", CSV, [][]string{{"a", "b, \"c\"\nd", "e"}, {"f", "g", "h"}}, []int{1, 4}},
		{"literal quotes", "\"a\"\tb \"c\r\n\n\"d\te", TSV, [][]string{{`"a"`, `b "c`}, {`"d`, "e"}}, []int{1, 3}},
		{"quoted tabs", "\"a \"\"b\"\"\"\tc\n", QuotedTSV, [][]string{{`a "b"`, "c"}}, []int{1}},
		{"byte order mark", "\ufeffa,b\n", CSV, [][]string{{"a", "b"}}, []int{1}},
		{"nothing", "", TSV, nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := New("f", strings.NewReader(c.text), c.dialect)
			for i := 0; ; i++ {
				row, err := r.Next()
				if err == io.EOF {
					if i != len(c.want) {
						t.Fatalf("%d rows, want %d", i, len(c.want))
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if i >= len(c.want) || !slices.Equal(row, c.want[i]) || r.Line() != c.lines[i] {
					t.Fatalf("row %d is %q at line %d", i, row, r.Line())
				}
			}
		})
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		dialect Dialect
		want    string
	}{
		"no such column": {"x\ty\n1\t2\n", TSV, `f:1: no column "a"`},
		"short row":      {"b\ta\n1\t2\n3\n", TSV, `f:3: 1 columns, no "a"`},
		"not UTF-8":      {"a\n\xff\n", TSV, "f:2: column 1 is not valid UTF-8"},
		"open quote":     {"a\n\"b\n", CSV, "f: parse error on line 2"},
		"empty":          {"", CSV, "f: empty"},
	} {
		r := New("f", strings.NewReader(c.text), c.dialect)
		err := r.Header("a")
		for err == nil {
			_, err = r.Fields("a")
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q does not contain %q", name, err, c.want)
		}
	}
}

func TestOpenFindsGzip(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, "a\tb\n")
	z.Close()
	path := filepath.Join(dir, "x.tsv")
	if err := os.WriteFile(path+".gz", b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + ".gz"} {
		r, err := Open(name, TSV)
		if err != nil {
			t.Fatal(err)
		}
		if row, err := r.Next(); err != nil || !slices.Equal(row, []string{"a", "b"}) {
			t.Errorf("%q, %v", row, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(filepath.Join(dir, "y"), TSV); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("not gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".gz"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, TSV); err == nil {
		t.Error("a file that is no gzip was opened")
	}
}
