package demo

import (
	"strings"
	"testing"
)

func TestArticlesAreCompleteAndBilingual(t *testing.T) {
	all, err := Articles()
	if err != nil {
		t.Fatal(err)
	}
	seen, lang := map[string]bool{}, map[string]int{}
	for _, a := range all {
		if a.ID == "" || a.Title == "" || len(a.Text) < 100 || seen[a.ID] {
			t.Errorf("document %q %q: incomplete or twice", a.ID, a.Title)
		}
		seen[a.ID] = true
		l, _ := a.Metadata["lang"].(string)
		lang[l]++
		if url, _ := a.Metadata["url"].(string); !strings.HasPrefix(url, "https://"+l+".wikipedia.org/") {
			t.Errorf("document %q: no source in %q", a.ID, url)
		}
	}
	if len(lang) != 2 || lang["ko"] < 60 || lang["en"] < 60 {
		t.Errorf("languages: %v", lang)
	}
}
