package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	stdhtml "html"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"gopkg.in/yaml.v3"
)

func readMarkdown(in *input, r *reading) error {
	src, ok, err := wholeText(in, r)
	if err != nil || !ok {
		return err
	}
	front, body := splitFrontMatter(src)
	d := Document{ID: in.name}
	if front != nil {
		if err := applyFrontMatter(&d, front, in.opt.Fields); err != nil {
			r.bad(0, fmt.Errorf("front matter: %w", err))
			return nil
		}
	}
	heading, content := markdownText(body)
	if d.Title == "" {
		d.Title = heading
	}
	d.Text, d.Headings = content.String(), content.headings()
	r.doc(0, d)
	return nil
}

// splitFrontMatter cuts off a YAML block between two lines of three hyphens at
// the very beginning.
func splitFrontMatter(src []byte) (front, body []byte) {
	rest, ok := bytes.CutPrefix(src, []byte("---\n"))
	if !ok {
		return nil, src
	}
	if body, ok := bytes.CutPrefix(rest, []byte("---\n")); ok {
		return []byte{}, body
	}
	for _, fence := range []string{"\n---\n", "\n...\n"} {
		if front, body, ok := bytes.Cut(rest, []byte(fence)); ok {
			return front, body
		}
	}
	if front, ok := bytes.CutSuffix(rest, []byte("\n---")); ok {
		return front, nil
	}
	return nil, src
}

// applyFrontMatter takes the title, and the other values as metadata by the
// rules for records.
func applyFrontMatter(d *Document, front []byte, fields Fields) error {
	var values map[string]any
	if err := yaml.Unmarshal(front, &values); err != nil {
		return err
	}
	titleName := fields.Title
	if titleName == "" {
		titleName = "title"
	}
	used := map[string]bool{titleName: true}
	if title, ok := values[titleName]; ok && title != nil {
		d.Title = strings.TrimSpace(fmt.Sprint(title))
	}
	for name, v := range values {
		values[name] = fromYAML(v)
	}
	if fields.ID != "" {
		id, err := fields.identity(values, d.ID, used)
		if err != nil {
			return err
		}
		d.ID = id
	}
	var err error
	d.Metadata, err = fields.metadata(values, used)
	return err
}

// fromYAML gives a value the form that JSON has, so that one mapping serves
// both.
func fromYAML(v any) any {
	switch v := v.(type) {
	case int, int64, uint64, float64:
		return number(v)
	case time.Time:
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly)
		}
		return v.Format(time.RFC3339)
	case map[string]any:
		for name, inner := range v {
			v[name] = fromYAML(inner)
		}
	}
	return v
}

// markdownText renders a document as plain text. The heading it begins with,
// or else its first one, is the title; at the beginning it is not repeated in
// the text.
func markdownText(src []byte) (title string, content *prose) {
	md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))
	root := md.Parser().Parse(text.NewReader(src))
	w := &markdownWriter{src: src}
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && title == "" {
			title = w.plain(h)
			if n == root.FirstChild() {
				continue
			}
		}
		w.block(n)
	}
	return title, &w.out
}

type markdownWriter struct {
	src []byte
	out prose
}

// plain is the text of one node alone.
func (w *markdownWriter) plain(n ast.Node) string {
	inner := &markdownWriter{src: w.src}
	inner.inlines(n)
	return inner.out.String()
}

func (w *markdownWriter) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		w.out.separate(paragraphGap)
		w.out.verbatim(string(n.Lines().Value(w.src)))
		w.out.separate(paragraphGap)
	case *ast.HTMLBlock:
		w.html(n)
	case *ast.ListItem:
		w.out.separate(lineGap)
		w.children(n)
	case *ast.TextBlock:
		w.out.separate(lineGap)
		w.inlines(n)
	case *ast.Heading:
		w.out.separate(paragraphGap)
		w.out.heading(n.Level, func() { w.inlines(n) })
		w.out.separate(paragraphGap)
	case *ast.Paragraph:
		w.out.separate(paragraphGap)
		w.inlines(n)
		w.out.separate(paragraphGap)
	case *extast.TableHeader, *extast.TableRow:
		w.out.separate(lineGap)
		for cell := n.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if cell.PreviousSibling() != nil {
				w.out.inline(" | ")
			}
			w.inlines(cell)
		}
	case *ast.List:
		if n.Parent().Kind() != ast.KindListItem {
			w.out.separate(paragraphGap)
		}
		w.children(n)
		if n.Parent().Kind() != ast.KindListItem {
			w.out.separate(paragraphGap)
		}
	default: // quotes, tables
		w.out.separate(paragraphGap)
		w.children(n)
		w.out.separate(paragraphGap)
	}
}

func (w *markdownWriter) children(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		w.block(c)
	}
}

// html adds the text inside an HTML block by HTML's own rules.
func (w *markdownWriter) html(n *ast.HTMLBlock) {
	raw := n.Lines().Value(w.src)
	if n.HasClosure() {
		raw = append(bytes.Clone(raw), n.ClosureLine.Value(w.src)...)
	}
	_, content, err := htmlText(raw)
	if err == nil {
		w.out.separate(paragraphGap)
		w.out.insert(content)
		w.out.separate(paragraphGap)
	}
}

func (w *markdownWriter) inlines(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			value := c.Value(w.src)
			if c.IsRaw() || n.Kind() == ast.KindCodeSpan {
				w.out.inline(string(value))
			} else {
				w.out.inline(unescape(value))
			}
			switch {
			case c.HardLineBreak():
				w.out.separate(lineGap)
			case c.SoftLineBreak():
				w.out.separate(spaceGap)
			}
		case *ast.String:
			w.out.inline(string(c.Value))
		case *ast.AutoLink:
			w.out.inline(string(c.Label(w.src)))
		case *ast.RawHTML:
			if strings.HasPrefix(strings.ToLower(string(c.Segments.Value(w.src))), "<br") {
				w.out.separate(lineGap)
			}
		default:
			w.inlines(c)
		}
	}
}

// unescape resolves backslash escapes and character references, as the
// renderer would.
func unescape(b []byte) string {
	if !bytes.ContainsAny(b, "\\&") {
		return string(b)
	}
	var rendered bytes.Buffer
	w := bufio.NewWriter(&rendered)
	html.DefaultWriter.Write(w, b)
	_ = w.Flush() // a bytes.Buffer does not fail
	return stdhtml.UnescapeString(rendered.String())
}

func number(v any) json.Number { return json.Number(fmt.Sprint(v)) }
