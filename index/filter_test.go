package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func date(s string) time.Time {
	t, err := ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

var schema = map[string]FieldKind{"lang": Keyword, "tag": Keyword, "year": Number, "draft": Bool, "day": Time, "odd name": Keyword}

// cases are filters in all three forms, with documents that pass and fail.
var filterCases = []struct {
	text, json string
	pass, fail []map[string]any
}{
	{
		`lang = "ko"`, `{"field":"lang","eq":"ko"}`,
		[]map[string]any{{"lang": "ko"}, {"lang": []string{"en", "ko"}}},
		[]map[string]any{{}, {"lang": "KO"}, {"lang": "kor"}},
	},
	{
		`not lang = "ko"`, `{"field":"lang","ne":"ko"}`,
		[]map[string]any{{}, {"lang": "en"}},
		[]map[string]any{{"lang": "ko"}, {"lang": []string{"en", "ko"}}},
	},
	{
		`year >= 2020 and year < 2024`, `{"field":"year","gte":2020,"lt":2024}`,
		[]map[string]any{{"year": 2020.}, {"year": 2023.5}},
		[]map[string]any{{}, {"year": 2024.}, {"year": 2019.}},
	},
	{
		`year > -1.5 or year <= -3`, `{"or":[{"field":"year","gt":-1.5},{"field":"year","lte":-3}]}`,
		[]map[string]any{{"year": 0.}, {"year": -3.}},
		[]map[string]any{{}, {"year": -2.}},
	},
	{
		`tag in ("a", "b")`, `{"field":"tag","in":["a","b"]}`,
		[]map[string]any{{"tag": "a"}, {"tag": []string{"x", "b"}}},
		[]map[string]any{{}, {"tag": "c"}},
	},
	{`tag in ()`, `{"field":"tag","in":[]}`, nil, []map[string]any{{}, {"tag": "a"}}},
	{`draft = true`, `{"field":"draft","eq":true}`, []map[string]any{{"draft": true}}, []map[string]any{{}, {"draft": false}}},
	{`not exists(draft)`, `{"field":"draft","exists":false}`, []map[string]any{{}}, []map[string]any{{"draft": false}}},
	{
		`day >= 2020-01-02T00:00:00Z`, `{"field":"day","gte":"2020-01-02T09:00:00+09:00"}`,
		[]map[string]any{{"day": date("2020-01-02")}},
		[]map[string]any{{}, {"day": date("2020-01-01T23:59:59.999999Z")}},
	},
	{
		`lang = "ko" and (year = 1 or year = 2) and not (draft = true and exists(day))`,
		`{"and":[{"field":"lang","eq":"ko"},{"or":[{"field":"year","eq":1},{"field":"year","eq":2}]},{"not":{"and":[{"field":"draft","eq":true},{"field":"day","exists":true}]}}]}`,
		[]map[string]any{{"lang": "ko", "year": 2.}, {"lang": "ko", "year": 1., "draft": true}},
		[]map[string]any{{"lang": "ko", "year": 3.}, {"lang": "ko", "year": 1., "draft": true, "day": date("2020-01-01")}},
	},
	{
		"`odd name` = \"it's \\\"quoted\\\"\"", `{"field":"odd name","eq":"it's \"quoted\""}`,
		[]map[string]any{{"odd name": `it's "quoted"`}},
		[]map[string]any{{}},
	},
	{`true`, `{"and":[]}`, []map[string]any{{}, {"lang": "x"}}, nil},
	{`false`, `{"or":[]}`, nil, []map[string]any{{}, {"lang": "x"}}},
}

func TestFilterForms(t *testing.T) {
	for _, c := range filterCases {
		t.Run(c.text, func(t *testing.T) {
			f, err := ParseFilter(c.text)
			if err != nil {
				t.Fatal(err)
			}
			fromJSON, err := ParseFilterJSON([]byte(c.json))
			if err != nil {
				t.Fatal(err)
			}
			if f.String() != c.text || fromJSON.String() != c.text {
				t.Errorf("written as %q and, from JSON, %q", f, fromJSON)
			}
			if err := f.Check(schema); err != nil {
				t.Error(err)
			}
			for _, m := range c.pass {
				if !f.Accepts(m) || !fromJSON.Accepts(m) {
					t.Errorf("refuses %v", m)
				}
			}
			for _, m := range c.fail {
				if f.Accepts(m) || fromJSON.Accepts(m) {
					t.Errorf("accepts %v", m)
				}
			}
		})
	}
}

func TestParseFilterReadsLooseForms(t *testing.T) {
	for in, want := range map[string]string{
		`lang=ko`:                        `lang = "ko"`,
		`lang == 'k"o'`:                  `lang = "k\"o"`,
		`lang != ko AND NOT(year<2)`:     `not lang = "ko" and not year < 2`,
		`(((lang=ko)))`:                  `lang = "ko"`,
		`a=1 or b=2 and c=3`:             `a = 1 or (b = 2 and c = 3)`,
		`day > 2020-01-01`:               `day > 2020-01-01T00:00:00Z`,
		`day <= "2020-01-01"`:            `day <= 2020-01-01T00:00:00Z`,
		`day = 2020-01-01T09:00:00+0900`: "",
		`언어=한국어 and author.name = kim`:   `언어 = "한국어" and author.name = "kim"`,
		"`and` = 1e3":                    "`and` = 1000",
	} {
		f, err := ParseFilter(in)
		switch {
		case want == "" && err == nil:
			t.Errorf("%s: read as %s", in, f)
		case want != "" && err != nil:
			t.Errorf("%s: %v", in, err)
		case want != "" && f.String() != want:
			t.Errorf("%s: read as %s, want %s", in, f, want)
		}
	}
}

func TestParseFilterErrors(t *testing.T) {
	for in, says := range map[string]string{
		``:                                 "at 1: it ends",
		`lang`:                             "at 5: it ends where a comparison",
		`언어 = `:                            "at 6: it ends where a value",
		`lang = "ko`:                       "at 8: the string is not closed",
		`lang ~ 1`:                         `'~' has no meaning`,
		`(a = 1`:                           `")"`,
		`a = 1 b = 2`:                      `at 7: "b"`,
		`a = 1)`:                           `at 6: ")"`,
		`a in (1 2)`:                       `at 9`,
		`and = 1`:                          `"and" where a field`,
		`a < true`:                         "no order",
		`a < "x"`:                          "neither a number nor a time",
		`a = 12x`:                          "neither a number",
		`a = "\q"`:                         "unknown escape",
		`a ! 1`:                            "not a comparison",
		"`` = 1":                           "field's name",
		"`a = 1":                           "backtick is not closed",
		"a = \"\xff\"":                     "invalid UTF-8 at byte 5",
		`a = and`:                          "needs quotes",
		strings.Repeat("not ", 40) + "a=1": "nested deeper",
		strings.Repeat("(", 1000000):       "nested deeper",
		strings.Repeat("a=1 and ", 1<<17):  "more than 65536",
	} {
		if _, err := ParseFilter(in); !errors.Is(err, ErrInvalidFilter) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40s: %v", in, err)
		}
	}
}

func TestParseFilterJSONErrors(t *testing.T) {
	for in, says := range map[string]string{
		``:                                  "not valid JSON",
		`{"and":`:                           "not valid JSON",
		`{} {}`:                             "follows",
		`7`:                                 "must be an object",
		`{}`:                                `must have "field"`,
		`{"and":[],"or":[]}`:                "exactly one of",
		`{"xor":[]}`:                        "xor: unknown",
		`{"and":{}}`:                        "and: it must be a list",
		`{"and":[{"not":{"or":[7]}}]}`:      "and[0].not.or[0]: it must be an object",
		`{"not":null}`:                      "not: it must be an object",
		`{"field":7}`:                       "field: it must be a string",
		`{"field":""}`:                      "cannot be a field's name",
		`{"field":"a"}`:                     `"a" has no comparison`,
		`{"field":"a","like":1}`:            `like: field "a": unknown`,
		`{"field":"a","eq":null}`:           "exists",
		`{"field":"a","eq":[1]}`:            "must be a string",
		`{"and":[{"field":"a","lt":true}]}`: `and[0].lt: field "a": true and false have no order`,
		`{"field":"a","lt":"x"}`:            "neither a number nor a time",
		`{"field":"a","in":"x"}`:            "must be a list",
		`{"field":"a","in":[1,{}]}`:         "item 1",
		`{"field":"a","exists":1}`:          "true or false",
		strings.Repeat(`{"not":`, 50):       "not valid JSON",
		strings.Repeat(`{"not":`, 50) + "1" + strings.Repeat("}", 50):     "nested deeper",
		`{"field":"a","in":[` + strings.Repeat("1,", 1<<17) + `1]}`:       "more than 65536",
		`{"field":"a","eq":"` + strings.Repeat("x", MaxFilterJSON) + `"}`: "bytes of JSON",
	} {
		if _, err := ParseFilterJSON([]byte(in)); !errors.Is(err, ErrInvalidFilter) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v", in, err)
		}
	}
	if f, err := ParseFilterJSON([]byte("null")); f != nil || err != nil {
		t.Errorf("null: %v, %v", f, err)
	}
}

func TestFilterCheck(t *testing.T) {
	for _, c := range []struct {
		f    Filter
		want error
		says string
	}{
		{Compare{"year", Eq, 1.}, nil, ""},
		{Compare{"nope", Eq, 1.}, ErrUnknownField, "draft, lang"},
		{Exists{"nope"}, ErrUnknownField, "nope"},
		{Compare{"year", Eq, "1"}, ErrFieldType, "a number, the filter gives a keyword"},
		{Compare{"lang", Lt, "x"}, ErrFieldType, "no order"},
		{Compare{"draft", Gt, true}, ErrFieldType, "no order"},
		{Compare{"day", Eq, "2020-01-01"}, ErrFieldType, "time"},
		{Compare{"year", "like", 1.}, ErrInvalidFilter, "like"},
		{Compare{"year", Eq, 1}, ErrInvalidFilter, "int"},
		{Compare{"year", Eq, []string{"a"}}, ErrInvalidFilter, "one value"},
		{In{"lang", []any{"a", 1.}}, ErrFieldType, "lang"},
		{And{Exists{"lang"}, Or{Not{nil}}}, ErrInvalidFilter, "empty"},
		{Not{Compare{"nope", Eq, 1.}}, ErrUnknownField, "nope"},
	} {
		err := c.f.Check(schema)
		if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.f, err)
		}
	}
	deep := Filter(Exists{"lang"})
	for range MaxFilterDepth + 1 {
		deep = Not{deep}
	}
	if err := deep.Check(schema); !errors.Is(err, ErrInvalidFilter) {
		t.Errorf("too deep: %v", err)
	}
}

func TestResolve(t *testing.T) {
	f, err := ParseFilterJSON([]byte(`{"and":[{"field":"day","eq":"2020-01-01"},{"not":{"field":"day","in":["2021-01-01T00:00:00Z"]}},{"field":"lang","eq":"2020-01-01"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Resolve(f, schema)
	want := And{Compare{"day", Eq, date("2020-01-01")}, Not{In{"day", []any{date("2021-01-01")}}}, Compare{"lang", Eq, "2020-01-01"}}
	if err != nil || !reflect.DeepEqual(got, Filter(want)) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Resolve(Compare{"day", Eq, "yesterday"}, schema); !errors.Is(err, ErrFieldType) || !strings.Contains(err.Error(), "2006-01-02") {
		t.Errorf("not a time: %v", err)
	}
	if f, err := Resolve(nil, schema); f != nil || err != nil {
		t.Errorf("nil: %v, %v", f, err)
	}
}

// randomFilter makes filters as the parsers build them: no list of one.
func randomFilter(rng *rand.Rand, depth int) Filter {
	fields := []string{"lang", "year", "odd name", "and", "언어", "a.b-c", "1st"}
	field := fields[rng.IntN(len(fields))]
	values := []any{"ko", "", "a\"b'\\\n\u2028\x00", 0., -1.5, 1e300, 2020., true, false, date("1999-12-31T23:59:59.000001Z"), date("0001-01-01")}
	value := func() any { return values[rng.IntN(len(values))] }
	switch n := rng.IntN(8); {
	case depth > 0 && n < 2:
		parts := make([]Filter, 2+rng.IntN(3))
		for i := range parts {
			parts[i] = randomFilter(rng, depth-1)
		}
		if n == 0 {
			return And(parts)
		}
		return Or(parts)
	case depth > 0 && n == 2:
		return Not{randomFilter(rng, depth-1)}
	case n == 3:
		list := make([]any, rng.IntN(4))
		for i := range list {
			list[i] = value()
		}
		return In{field, list}
	case n == 4:
		return Exists{field}
	case n == 5:
		return []Filter{And{}, Or{}}[rng.IntN(2)]
	case n == 6:
		return Compare{field, []Op{Lt, Lte, Gt, Gte}[rng.IntN(4)], []any{1., date("2020-01-01")}[rng.IntN(2)]}
	}
	return Compare{field, Eq, value()}
}

func TestFilterRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 5000 {
		f := randomFilter(rng, 4)
		again, err := ParseFilter(f.String())
		if err != nil || !reflect.DeepEqual(again, f) {
			t.Fatalf("%s\nread as %s, %v", f, again, err)
		}
		data, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		again, err = ParseFilterJSON(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if second, _ := json.Marshal(again); string(second) != string(data) {
			t.Fatalf("%s\nread as %s", data, second)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, c := range filterCases {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := ParseFilter(s)
		if err != nil {
			if !errors.Is(err, ErrInvalidFilter) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseFilter(parsed.String())
		if err != nil || again.String() != parsed.String() {
			t.Fatalf("%q is written as %q, read as %v, %v", s, parsed, again, err)
		}
	})
}

func FuzzParseFilterJSON(f *testing.F) {
	for _, c := range filterCases {
		f.Add([]byte(c.json))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := ParseFilterJSON(data)
		if err != nil || parsed == nil {
			return
		}
		written, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseFilterJSON(written)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(parsed) {
			t.Fatalf("%s is written as %s, read as %v, %v", data, written, again, err)
		}
	})
}
