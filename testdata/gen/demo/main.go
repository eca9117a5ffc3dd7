//go:build ignore

// Command main makes internal/demo/corpus.jsonl: the opening paragraphs of the
// Wikipedia articles that titles.txt names, cleaned of extraction scars.
//
//	go run testdata/gen/demo/main.go FILE... > internal/demo/corpus.jsonl
//
// Each FILE is a JSONL dump of articles (id or _id, title, text), .gz or .xz,
// with "ko" or "en" in its name; the first that holds a title wins.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxColumns   = 2600 // of one excerpt
	minParagraph = 80   // columns; shorter ones are headings or leftovers
)

type article struct {
	ID    string `json:"id"`
	Alt   string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

type document struct {
	ID       string            `json:"id"`
	Title    string            `json:"title"`
	Text     string            `json:"text"`
	Metadata map[string]string `json:"metadata"`
}

func main() {
	articles := map[string]map[string]article{"ko": {}, "en": {}}
	for _, path := range os.Args[1:] {
		lang := "en"
		if strings.Contains(path, "ko") {
			lang = "ko"
		}
		read(path, articles[lang])
	}
	list, err := os.ReadFile("testdata/gen/demo/titles.txt")
	if err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for line := range strings.Lines(string(list)) {
		part := strings.Split(strings.TrimSpace(line), "\t")
		topic, lang := part[0], part[1]
		for _, title := range strings.Split(part[2], "|") {
			a, ok := articles[lang][title]
			if !ok {
				log.Printf("no article %q in %s", title, lang)
				continue
			}
			if err := out.Encode(document{
				ID: lang + "-" + a.ID, Title: title, Text: excerpt(a.Text),
				Metadata: map[string]string{
					"lang": lang, "topic": topic,
					"url": fmt.Sprintf("https://%s.wikipedia.org/?curid=%s", lang, a.ID),
				},
			}); err != nil {
				log.Fatal(err)
			}
		}
	}
}

func read(path string, into map[string]article) {
	unpack := exec.Command("gzip", "-dc", path)
	if strings.HasSuffix(path, ".xz") {
		unpack = exec.Command("xz", "-dc", path)
	}
	z, err := unpack.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := unpack.Start(); err != nil {
		log.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var a article
		if err := json.Unmarshal(s.Bytes(), &a); err != nil {
			log.Fatal(err)
		}
		if a.ID == "" {
			a.ID = a.Alt
		}
		if _, ok := into[a.Title]; !ok {
			into[a.Title] = a
		}
	}
	if err := errors.Join(s.Err(), unpack.Wait()); err != nil {
		log.Fatal(err)
	}
}

var (
	emptyLeading = regexp.MustCompile(`\(\s*[,;:·]\s*`)
	emptyMiddle  = regexp.MustCompile(`[,;]\s*(?:[,;]\s*)+`)
	emptyTail    = regexp.MustCompile(`\s*[,;:]\s*\)`)
	emptyParens  = regexp.MustCompile(`\s*\(\s*\)`)
	spaces       = regexp.MustCompile(`[ \t]+`)
)

// excerpt keeps whole opening paragraphs up to maxColumns.
func excerpt(text string) string {
	var kept []string
	total := 0
	for p := range strings.SplitSeq(text, "\n") {
		p = emptyLeading.ReplaceAllString(p, "(")
		p = emptyMiddle.ReplaceAllString(p, ", ")
		p = emptyTail.ReplaceAllString(p, ")")
		p = emptyParens.ReplaceAllString(p, "")
		p = strings.TrimSpace(spaces.ReplaceAllString(p, " "))
		n := columns(p)
		if n < minParagraph {
			continue
		}
		if total > 0 && total+n > maxColumns {
			break
		}
		kept = append(kept, p)
		total += n
	}
	return strings.Join(kept, "\n\n")
}

func columns(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r >= 0x1100 {
			n++
		}
	}
	return n
}
