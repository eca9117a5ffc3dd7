package api

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"semdex/api/wire"
	"semdex/index"
)

func loadOpenAPI(t *testing.T) map[string]any {
	t.Helper()
	var spec map[string]any
	if err := yaml.Unmarshal(openAPI, &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// openAPIPath writes a route's path as OpenAPI does.
func openAPIPath(path string) string { return strings.ReplaceAll(path, "...}", "}") }

func TestOpenAPIRoutes(t *testing.T) {
	var described, served []string
	for path, item := range loadOpenAPI(t)["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	s := newTestServer(t, Options{})
	for _, r := range s.routes() {
		served = append(served, r.method+" "+openAPIPath(r.path))
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described:\n%s\nserved:\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
	w := do(s, "GET", "/openapi.yaml", "")
	if w.Code != 200 || w.Body.String() != string(openAPI) {
		t.Errorf("GET /openapi.yaml: %d", w.Code)
	}
}

// TestOpenAPIReferences resolves every $ref.
func TestOpenAPIReferences(t *testing.T) {
	spec := loadOpenAPI(t)
	used := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				used[ref] = true
				if lookUp(spec, ref) == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(spec)
	for kind, components := range spec["components"].(map[string]any) {
		for name := range components.(map[string]any) {
			if ref := "#/components/" + kind + "/" + name; kind != "securitySchemes" && !used[ref] {
				t.Errorf("%s is never used", ref)
			}
		}
	}
}

func lookUp(spec map[string]any, ref string) map[string]any {
	at := spec
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at, _ = at[name].(map[string]any)
	}
	return at
}

// TestOpenAPIFields holds the schemas against the Go types they describe.
func TestOpenAPIFields(t *testing.T) {
	spec := loadOpenAPI(t)
	body := "requestBody/content/application~json/schema"
	tests := []struct {
		at string
		v  any
	}{
		{"components/schemas/SearchRequest", searchRequest{}},
		{"components/schemas/SearchAnswer", searchAnswer{}},
		{"components/schemas/Hit", searchHit{}},
		{"components/schemas/SearchStats", searchStats{}},
		{"components/schemas/LegStats", legStats{}},
		{"components/schemas/Evidence", index.Evidence{}},
		{"components/schemas/LegScore", index.LegScore{}},
		{"components/schemas/RerankStats", index.RerankStats{}},
		{"components/schemas/QARequest", qaRequest{}},
		{"components/schemas/QAAnswer", Answers{}},
		{"components/schemas/Answer", Answer{}},
		{"components/schemas/QAStats", AnswerStats{}},
		{"components/schemas/CachedAnswer", CachedAnswer{}},
		{"components/schemas/PastQuestion", PastQuestion{}},
		{"components/schemas/Document", index.Document{}},
		{"components/schemas/Stored", index.PutResult{}},
		{"components/schemas/CollectionSettings", createRequest{}},
		{"components/schemas/Collection", index.Info{}},
		{"components/schemas/Collection/properties/settings", index.Settings{}},
		{"components/schemas/Alias", index.Alias{}},
		{"components/schemas/Reembedding", index.Reembedding{}},
		{"components/schemas/Model", Model{}},
		{"components/schemas/OpenAIModel", wire.OpenAIModel{}},
		{"paths/~embed/post/" + body, wire.TEIEmbed{}},
		{"paths/~predict/post/" + body, wire.TEIPredict{}},
		{"components/requestBodies/Rerank/content/application~json/schema", wire.Rerank{}},
	}
	for _, tt := range tests {
		at := spec
		for _, name := range strings.Split(tt.at, "/") {
			at, _ = at[strings.ReplaceAll(name, "~", "/")].(map[string]any)
		}
		properties, _ := at["properties"].(map[string]any)
		want := fieldNames(reflect.New(reflect.TypeOf(tt.v)).Interface())
		got := make([]string, 0, len(properties))
		for name := range properties {
			got = append(got, name)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, the Go type %v", tt.at, got, want)
		}
	}
}

// TestDocumentation sees to it that the handbook knows every route and every
// type of error.
func TestDocumentation(t *testing.T) {
	raw, err := os.ReadFile("../docs/http-api.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, r := range newTestServer(t, Options{}).routes() {
		if want := "`" + r.method + " " + openAPIPath(r.path) + "`"; !strings.Contains(text, want) {
			t.Errorf("docs/http-api.md does not mention %s", want)
		}
	}
	types := map[string]bool{}
	for _, m := range mappings {
		types[m.kind] = true
	}
	for _, name := range []string{"bad_input.golden"} {
		golden, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"error":\{"type":"([a-z_0-9]+)"`).FindAllStringSubmatch(string(golden), -1) {
			types[m[1]] = true
		}
	}
	for kind := range types {
		if !strings.Contains(text, "`"+kind+"`") {
			t.Errorf("docs/http-api.md does not explain the error %s", kind)
		}
	}
}
