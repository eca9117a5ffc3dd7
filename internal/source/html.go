package source

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

func readHTML(in *input, r *reading) error {
	raw, err := in.readAll()
	if err != nil {
		return err
	}
	src, err := decodeHTML(raw, in.opt.Encoding)
	if err != nil {
		r.bad(0, err)
		return nil
	}
	title, content, err := htmlText(src)
	if err != nil {
		r.bad(0, err)
		return nil
	}
	r.doc(0, Document{ID: in.name, Title: title, Text: content.String(), Headings: content.headings()})
	return nil
}

// decodeHTML trusts, in this order: a byte order mark or the user, bytes that
// are UTF-8, the encoding that the page declares, detection.
func decodeHTML(raw []byte, name string) ([]byte, error) {
	if name == "" && !utf8.Valid(raw) && !hasUTF16BOM(raw) {
		if _, declared, certain := charset.DetermineEncoding(raw, ""); certain && declared != "utf-8" {
			name = declared
		}
	}
	r, err := decode(bytes.NewReader(raw), name)
	if err != nil {
		return nil, err
	}
	src, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if !utf8.Valid(src) {
		return nil, errNotUTF8
	}
	return src, nil
}

func hasUTF16BOM(raw []byte) bool {
	return bytes.HasPrefix(raw, bomUTF16LE) || bytes.HasPrefix(raw, bomUTF16BE)
}

// htmlText returns a page's title and its main text: that of its main element,
// or of its articles, or else of the body, without what is not prose.
func htmlText(src []byte) (title string, content *prose, err error) {
	root, err := html.Parse(bytes.NewReader(src))
	if err != nil {
		return "", nil, fmt.Errorf("html: %w", err)
	}
	page := survey(root)
	w := &htmlWriter{}
	for _, n := range page.main() {
		w.out.separate(paragraphGap)
		w.node(n)
	}
	return page.title(), &w.out, nil
}

// page holds what a first look at a document finds.
type page struct {
	titleElement, heading *html.Node
	openGraph             string
	mains, articles       []*html.Node
	body                  *html.Node
}

func survey(root *html.Node) *page {
	p := &page{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.Title:
			if p.titleElement == nil && n.Namespace == "" {
				p.titleElement = n
			}
		case atom.H1:
			if p.heading == nil {
				p.heading = n
			}
		case atom.Meta:
			if attr(n, "property") == "og:title" {
				p.openGraph = attr(n, "content")
			}
		case atom.Article:
			if !inside(n, p.articles) {
				p.articles = append(p.articles, n)
			}
		case atom.Body:
			p.body = n
		}
		if (n.DataAtom == atom.Main || attr(n, "role") == "main") && !inside(n, p.mains) {
			p.mains = append(p.mains, n)
		}
	}
	return p
}

func inside(n *html.Node, outer []*html.Node) bool {
	for a := range n.Ancestors() {
		for _, o := range outer {
			if a == o {
				return true
			}
		}
	}
	return false
}

// main is where the text stands. An element that is there but empty, as on
// pages filled in by scripts, does not count.
func (p *page) main() []*html.Node {
	for _, nodes := range [][]*html.Node{p.mains, p.articles} {
		for _, n := range nodes {
			w := &htmlWriter{}
			if w.node(n); w.out.b.Len() > 0 {
				return nodes
			}
		}
	}
	return []*html.Node{p.body}
}

func (p *page) title() string {
	for _, n := range []*html.Node{p.titleElement, p.heading} {
		if n != nil {
			w := &htmlWriter{}
			w.children(n)
			if s := w.out.String(); s != "" {
				return s
			}
		}
		if p.openGraph != "" {
			return p.openGraph
		}
	}
	return ""
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// dropped elements hold no prose. A header inside the main text holds its
// heading and stays.
var dropped = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true,
	atom.Nav: true, atom.Aside: true, atom.Footer: true,
	atom.Svg: true, atom.Math: true, atom.Iframe: true, atom.Object: true, atom.Canvas: true,
	atom.Audio: true, atom.Video: true,
	atom.Button: true, atom.Select: true, atom.Input: true, atom.Textarea: true,
	atom.Head: true, atom.Dialog: true,
}

var droppedRoles = map[string]bool{
	"navigation": true, "banner": true, "contentinfo": true, "complementary": true, "search": true, "dialog": true,
}

func isDropped(n *html.Node) bool {
	if dropped[n.DataAtom] || droppedRoles[attr(n, "role")] || hasAttr(n, "hidden") || attr(n, "aria-hidden") == "true" {
		return true
	}
	style := strings.ReplaceAll(attr(n, "style"), " ", "")
	if strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden") {
		return true
	}
	if n.DataAtom == atom.Header {
		for a := range n.Ancestors() {
			if a.DataAtom == atom.Main || a.DataAtom == atom.Article {
				return false
			}
		}
		return true
	}
	return false
}

// gaps around elements; those not named run on.
var gaps = map[atom.Atom]gap{
	atom.P: paragraphGap, atom.H1: paragraphGap, atom.H2: paragraphGap, atom.H3: paragraphGap,
	atom.H4: paragraphGap, atom.H5: paragraphGap, atom.H6: paragraphGap,
	atom.Blockquote: paragraphGap, atom.Pre: paragraphGap, atom.Table: paragraphGap,
	atom.Section: paragraphGap, atom.Article: paragraphGap, atom.Main: paragraphGap,
	atom.Figure: paragraphGap, atom.Hr: paragraphGap, atom.Dl: paragraphGap, atom.Ul: paragraphGap, atom.Ol: paragraphGap,
	atom.Div: lineGap, atom.Li: lineGap, atom.Tr: lineGap, atom.Dt: lineGap, atom.Dd: lineGap,
	atom.Br: lineGap, atom.Header: lineGap, atom.Address: lineGap, atom.Figcaption: lineGap,
	atom.Caption: lineGap, atom.Details: lineGap, atom.Summary: lineGap, atom.Option: lineGap, atom.Fieldset: lineGap,
	atom.Thead: lineGap, atom.Tbody: lineGap, atom.Tfoot: lineGap,
}

type htmlWriter struct {
	out prose
}

func (w *htmlWriter) children(n *html.Node) {
	for c := range n.ChildNodes() {
		w.node(c)
	}
}

func (w *htmlWriter) node(n *html.Node) {
	if n == nil {
		return
	}
	switch n.Type {
	case html.TextNode:
		w.out.inline(n.Data)
	case html.ElementNode:
		w.element(n)
	}
}

func (w *htmlWriter) element(n *html.Node) {
	if isDropped(n) {
		return
	}
	space := gaps[n.DataAtom]
	if nested := n.Parent != nil && n.Parent.DataAtom == atom.Li; nested && space == paragraphGap {
		space = lineGap // a list or paragraph within an item
	}
	w.out.separate(space)
	switch n.DataAtom {
	case atom.Pre:
		w.out.verbatim(rawText(n))
	case atom.Td, atom.Th:
		if previousCell(n) {
			w.out.inline(" | ")
		}
		w.children(n)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.out.heading(int(n.Data[1]-'0'), func() { w.children(n) })
	default:
		w.children(n)
	}
	w.out.separate(space)
}

func previousCell(n *html.Node) bool {
	for s := n.PrevSibling; s != nil; s = s.PrevSibling {
		if s.Type == html.ElementNode {
			return true
		}
	}
	return false
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case c.DataAtom == atom.Br:
			b.WriteByte('\n')
		}
	}
	return b.String()
}
