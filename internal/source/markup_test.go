package source

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMarkup holds what Markdown and HTML become against golden files.
func TestMarkup(t *testing.T) {
	for _, name := range []string{"guide.md", "noheading.md", "page.html", "plain.html"} {
		t.Run(name, func(t *testing.T) {
			docs, errs, _ := collectAll(t, []string{filepath.Join("testdata", name)}, Options{})
			if len(docs) != 1 || errs != nil {
				t.Fatalf("got %d documents, errors %v", len(docs), errs)
			}
			d := docs[0]
			got := fmt.Sprintf("id: %s\ntitle: %s\nmetadata: %s\n", d.ID, d.Title, asJSON(t, d.Metadata))
			if d.Headings == nil {
				t.Error("the headings are not known")
			}
			for _, h := range d.Headings {
				got += fmt.Sprintf("heading %d: %q\n", h.Level, string([]rune(d.Text)[h.Start:h.End]))
			}
			got += fmt.Sprintf("\n%s\n", d.Text)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestMarkdownHeadingOnly(t *testing.T) {
	docs, errs := fromText(t, "# 제목뿐\n", Options{Format: Markdown})
	same(t, "errors", errs, []string(nil))
	if len(docs) != 1 || docs[0].Title != "제목뿐" || docs[0].Text != "" {
		t.Errorf("got %s", asJSON(t, docs))
	}
}

func TestBrokenFrontMatterIsNamed(t *testing.T) {
	_, errs := fromText(t, "---\ntitle: [a\n---\ntext\n", Options{Format: Markdown})
	if len(errs) != 1 {
		t.Fatalf("errors %q", errs)
	}
}

// TestHTMLEncodings declares and hides the encoding in every way pages do.
func TestHTMLEncodings(t *testing.T) {
	const korean = "\xb0\xe6\xba\xb9\xb1\xc3" // 경복궁 in EUC-KR
	cases := map[string]string{
		"declared":         "<meta charset=euc-kr><p>" + korean,
		"detected":         "<p>" + korean,
		"declared wrongly": "<meta charset=euc-kr><p>경복궁",
		"bom":              "\xef\xbb\xbf<meta charset=euc-kr><p>경복궁",
		"utf-16":           "\xff\xfe<\x00p\x00>\x00\xbd\xac\xf5\xbc\x81\xad",
	}
	for name, page := range cases {
		docs, errs := fromText(t, page, Options{Format: HTML})
		if len(docs) != 1 || docs[0].Text != "경복궁" {
			t.Errorf("%s: got %s, errors %v", name, asJSON(t, docs), errs)
		}
	}
}
