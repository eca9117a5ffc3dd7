package api

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/index"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at the difference and run the test with -update.\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// TestBadInput sends everything that a client can get wrong; the golden file
// shows what it reads then.
func TestBadInput(t *testing.T) {
	const ndjson = "application/x-ndjson"
	big := strings.Repeat("가", 100<<10)
	tests := []struct {
		name, method, path, body, contentType string
	}{
		{name: "not JSON", method: "POST", path: "/search", body: "query=x"},
		{name: "empty body", method: "POST", path: "/search"},
		{name: "JSON cut off", method: "POST", path: "/search", body: `{"query": "a`},
		{name: "two JSON values", method: "POST", path: "/search", body: `{"query":"a","collection":"demo"} {}`},
		{name: "a list instead of an object", method: "POST", path: "/search", body: `["a"]`},
		{name: "syntax error on the second line", method: "POST", path: "/search", body: "{\"query\": \"한국어\",\n  \"top_k\": 3,,}"},
		{name: "NaN", method: "POST", path: "/search", body: `{"query":"a","min_score":NaN}`},
		{name: "a number too large", method: "POST", path: "/search", body: `{"query":"a","min_score":1e999}`},
		{name: "wrong type", method: "POST", path: "/search", body: `{"query":"a","top_k":"ten"}`},
		{name: "a fraction for an integer", method: "POST", path: "/search", body: `{"query":"a","top_k":1.5}`},
		{name: "unknown field", method: "POST", path: "/search", body: `{"query":"a","topk":3}`},
		{name: "invalid UTF-8", method: "POST", path: "/search", body: "{\"query\":\"a\xff\"}"},
		{name: "no query", method: "POST", path: "/search", body: `{"collection":"demo"}`},
		{name: "blank query", method: "POST", path: "/search", body: `{"query":" \n","collection":"demo"}`},
		{name: "no collection", method: "POST", path: "/search", body: `{"query":"a"}`},
		{name: "unknown collection", method: "POST", path: "/search", body: `{"query":"a","collection":"nope"}`},
		{name: "unknown mode", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","mode":"magic"}`},
		{name: "unknown fusion", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","fusion":"sum"}`},
		{name: "unknown grouping", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","group_by":"title"}`},
		{name: "alpha out of range", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","fusion":{"alpha":2}}`},
		{name: "negative offset", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","offset":-1}`},
		{name: "too deep", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","top_k":100001}`},
		{name: "query too long", method: "POST", path: "/search", body: `{"query":"` + big + `","collection":"demo"}`},
		{name: "top_k 0", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","top_k":0}`},
		{name: "fusion of a wrong type", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","fusion":3}`},
		{name: "unknown field of fusion", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","fusion":{"method":"rrf","beta":1}}`},
		{name: "wrong type in fusion", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","fusion":{"alpha":"x"}}`},
		{name: "unknown filter field", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","filter":"colour = \"red\""}`},
		{name: "malformed filter", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","filter":"colour ="}`},
		{name: "filter of a wrong type", method: "POST", path: "/search", body: `{"query":"a","collection":"demo","filter":[3]}`},
		{name: "unknown URL parameter", method: "GET", path: "/search?q=a&collection=demo&k=3"},
		{name: "URL parameter of a wrong type", method: "GET", path: "/search?q=a&collection=demo&top_k=many"},
		{name: "infinite URL parameter", method: "GET", path: "/search?q=a&collection=demo&min_score=inf"},
		{name: "repeated URL parameter", method: "GET", path: "/search?q=a&q=b&collection=demo"},

		{name: "documents: not JSON", method: "PUT", path: "/collections/demo/documents", body: "hello"},
		{name: "documents: empty body", method: "PUT", path: "/collections/demo/documents", body: " \n"},
		{name: "documents: unknown collection", method: "PUT", path: "/collections/nope/documents?create=false", body: `{"id":"a","text":"t"}`},
		{name: "documents: bad collection name", method: "PUT", path: "/collections/Nope/documents", body: `{"id":"a","text":"t"}`},
		{name: "documents: create is no boolean", method: "PUT", path: "/collections/nope/documents?create=maybe", body: `{"id":"a","text":"t"}`},
		{name: "documents: no id", method: "PUT", path: "/collections/demo/documents", body: `{"text":"t"}`},
		{name: "documents: id is a number", method: "PUT", path: "/collections/demo/documents", body: `[{"id":1,"text":"t"}]`},
		{name: "documents: empty text", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"ok","text":"t"},{"id":"b","text":"  "}]`},
		{name: "documents: unknown field", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a","text":"t","year":3}]`},
		{name: "documents: metadata of a wrong kind", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a2","text":"t"},{"id":"b2","text":"t","metadata":{"x":{"y":1}}}]`},
		{name: "documents: metadata against the schema", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a3","text":"t","metadata":{"year":1}},{"id":"b3","text":"t","metadata":{"year":"old"}}]`},
		{name: "documents: line against the schema", method: "PUT", path: "/collections/demo/documents", body: "\n{\"id\":\"a11\",\"text\":\"t\",\"metadata\":{\"year\":1}}\n{\"id\":\"b11\",\"text\":\"t\"}\n\n\n{\"id\":\"c11\",\"text\":\"t\",\"metadata\":{\"year\":\"old\"}}\n{\"id\":\"d11\",\"text\":\"t\"}\n", contentType: ndjson},
		{name: "documents: inexact integer", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a12","text":"t","metadata":{"serial":12345678901234567890}}]`},
		{name: "documents: number out of range", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a13","text":"t","metadata":{"year":1e999}}]`},
		{name: "documents: array cut off", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a3","text":"t"}`},
		{name: "documents: missing comma", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a4","text":"t"} {"id":"b4"}]`},
		{name: "documents: more after the array", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"a5","text":"t"}] x`},
		{name: "documents: array of texts", method: "PUT", path: "/collections/demo/documents", body: `["t"]`},
		{name: "documents: invalid UTF-8", method: "PUT", path: "/collections/demo/documents", body: "{\"id\":\"a6\",\"text\":\"\xed\xa0\x80\"}"},
		{name: "documents: bad line", method: "PUT", path: "/collections/demo/documents", body: "{\"id\":\"a7\",\"text\":\"t\"}\n\n{\"id\":\"b7\",\"text\":}\n{\"id\":\"c7\",\"text\":\"t\"}\n", contentType: ndjson},
		{name: "documents: line too long", method: "PUT", path: "/collections/demo/documents", body: "{\"id\":\"a8\",\"text\":\"t\"}\n{\"id\":\"b8\",\"text\":\"" + strings.Repeat(big, 2) + "\"}\n", contentType: ndjson},
		{name: "documents: object too long", method: "PUT", path: "/collections/demo/documents", body: "{\"id\":\"b9\",\"text\":\"" + strings.Repeat(big, 2) + "\"}\n"},
		{name: "documents: array too long", method: "PUT", path: "/collections/demo/documents", body: `[{"id":"b10","text":"` + strings.Repeat(big, 2) + `"}]`},
		{name: "documents: compressed", method: "PUT", path: "/collections/demo/documents", body: "\x1f\x8b"},

		{name: "document: unknown id", method: "GET", path: "/collections/demo/documents/nope"},
		{name: "document: no id", method: "GET", path: "/collections/demo/documents/"},
		{name: "document: control character in id", method: "GET", path: "/collections/demo/documents/a%00b"},
		{name: "document: unknown collection", method: "GET", path: "/collections/nope/documents/a"},
		{name: "document: delete unknown id", method: "DELETE", path: "/collections/demo/documents/a%2Fb"},
		{name: "delete: nothing", method: "POST", path: "/collections/demo/delete", body: `{}`},
		{name: "delete: null filter", method: "POST", path: "/collections/demo/delete", body: `{"filter":null}`},
		{name: "delete: both", method: "POST", path: "/collections/demo/delete", body: `{"ids":["a"],"filter":"x = 1"}`},
		{name: "delete: ids of a wrong type", method: "POST", path: "/collections/demo/delete", body: `{"ids":[1]}`},
		{name: "delete: unknown collection", method: "POST", path: "/collections/nope/delete", body: `{"ids":["a"]}`},
		{name: "collection: bad name", method: "PUT", path: "/collections/Bad%20Name"},
		{name: "collection: exists", method: "PUT", path: "/collections/demo"},
		{name: "collection: unknown setting", method: "PUT", path: "/collections/new", body: `{"dims":3}`},
		{name: "collection: vectors that there are not", method: "PUT", path: "/collections/new", body: `{"vectors": "fastest"}`},
		{name: "collection: nothing to change", method: "PATCH", path: "/collections/demo", body: `{}`},
		{name: "collection: what cannot be changed", method: "PATCH", path: "/collections/demo", body: `{"split": {"size": 10}}`},
		{name: "collection: wrong type in settings", method: "PUT", path: "/collections/new", body: `{"split":{"size":"big"}}`},
		{name: "collection: unknown", method: "GET", path: "/collections/nope"},
		{name: "collection: drop unknown", method: "DELETE", path: "/collections/nope"},
		{name: "unknown route", method: "GET", path: "/serach"},
		{name: "wrong method", method: "DELETE", path: "/search"},

		{name: "embed: not JSON", method: "POST", path: "/embed", body: `{`},
		{name: "embed: empty body", method: "POST", path: "/embed"},
		{name: "embed: no inputs", method: "POST", path: "/embed", body: `{}`},
		{name: "embed: inputs of a wrong type", method: "POST", path: "/embed", body: `{"inputs":{"a":1}}`},
		{name: "embed: input of a wrong type", method: "POST", path: "/embed", body: `{"inputs":["a",null]}`},
		{name: "embed: no texts", method: "POST", path: "/embed", body: `{"inputs":[]}`},
		{name: "embed: empty text", method: "POST", path: "/embed", body: `{"inputs":""}`},
		{name: "embed: one empty text", method: "POST", path: "/embed", body: `{"inputs":["a",""]}`},
		{name: "embed: invalid UTF-8", method: "POST", path: "/embed", body: "{\"inputs\":\"\xc3\"}"},
		{name: "embed: token ids", method: "POST", path: "/embed", body: `{"inputs":[1,2]}`},
		{name: "embed: too many", method: "POST", path: "/embed", body: `{"inputs":["a","b","c","d"]}`},
		{name: "embed: too long", method: "POST", path: "/embed", body: `{"inputs":"123456789","truncate":false}`},
		{name: "embed: truncate of a wrong type", method: "POST", path: "/embed", body: `{"inputs":"a","truncate":"yes"}`},
		{name: "embed: direction", method: "POST", path: "/embed", body: `{"inputs":"a","truncation_direction":"up"}`},
		{name: "embed: unknown prompt", method: "POST", path: "/embed", body: `{"inputs":"a","prompt_name":"passage"}`},
		{name: "embed: dimensions 0", method: "POST", path: "/embed", body: `{"inputs":"a","dimensions":0}`},
		{name: "embed: dimensions too many", method: "POST", path: "/embed", body: `{"inputs":"a","dimensions":5}`},
		{name: "embed: body too large", method: "POST", path: "/embed", body: `{"inputs":"` + strings.Repeat(big, 2) + `"}`},
		{name: "openai: no input", method: "POST", path: "/v1/embeddings", body: `{"model":"fake-model"}`},
		{name: "openai: empty text", method: "POST", path: "/v1/embeddings", body: `{"model":"fake-model","input":""}`},
		{name: "openai: token ids", method: "POST", path: "/v1/embeddings", body: `{"model":"fake-model","input":[[1,2]]}`},
		{name: "openai: unknown model", method: "POST", path: "/v1/embeddings", body: `{"model":"other","input":"a"}`},
		{name: "openai: format", method: "POST", path: "/v1/embeddings", body: `{"model":"fake-model","input":"a","encoding_format":"int8"}`},
		{name: "openai: dimensions", method: "POST", path: "/v1/embeddings", body: `{"model":"fake-model","input":"a","dimensions":-1}`},
		{name: "openai: model unknown", method: "GET", path: "/v1/models/org/other"},
	}
	var out bytes.Buffer
	for _, tt := range tests {
		s := newTestServer(t, Options{Limits: Limits{Inputs: 3, Document: 512 << 10, Body: 512 << 10}})
		headers := []string{"Content-Type", tt.contentType}
		if strings.HasSuffix(tt.name, "compressed") {
			headers = append(headers, "Content-Encoding", "gzip")
		}
		w := do(s, tt.method, tt.path, tt.body, headers...)
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s: status %d, want a client's error", tt.name, w.Code)
		}
		fmt.Fprintf(&out, "%s\n  %s %s\n  %d %s\n", tt.name, tt.method, tt.path, w.Code, w.Body)
	}
	golden(t, "bad_input.golden", out.Bytes())
}

// TestLargeText stores a text of 10 MB: large, but allowed.
func TestLargeText(t *testing.T) {
	x := newTestIndex(t)
	s := newTestServer(t, Options{Index: x})
	text := strings.Repeat("가", 10<<20/3)
	w := do(s, "PUT", "/collections/demo/documents", `{"id":"big","text":"`+text+`"}`)
	wantStatus(t, w, 200)
	d, err := x.Get(t.Context(), "demo", "big")
	if err != nil || d.Text != text {
		t.Fatalf("%d bytes stored, %v; want %d", len(d.Text), err, len(text))
	}
	if len(text) > index.MaxTextBytes {
		t.Fatal("the index would refuse this text")
	}
}
