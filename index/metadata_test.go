package index

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestNormalizeMetadata(t *testing.T) {
	type m = map[string]any
	type kinds = map[string]FieldKind
	for name, c := range map[string]struct {
		in      m
		fields  kinds
		want    m
		learned kinds
	}{
		"nothing":        {nil, nil, nil, nil},
		"inferred":       {m{"k": "x", "l": []any{"a", "b"}, "n": 1.5, "b": true}, nil, m{"k": "x", "l": []string{"a", "b"}, "n": 1.5, "b": true}, kinds{"k": Keyword, "l": Keyword, "n": Number, "b": Bool}},
		"null is absent": {m{"k": nil, "l": []any{}, "s": []string{}}, kinds{"k": Number}, nil, nil},
		"numbers": {
			m{"a": 1, "b": int64(-7), "c": uint8(9), "d": float32(.5), "e": json.Number("2.5e3"), "f": 1 << 53},
			kinds{"a": Number, "b": Number, "c": Number, "d": Number, "e": Number, "f": Number},
			m{"a": 1., "b": -7., "c": 9., "d": .5, "e": 2500., "f": 9007199254740992.},
			nil,
		},
		"times": {
			m{"a": "2020-01-02", "b": "2020-01-02T03:04:05.1234567+09:00", "c": time.Date(2020, 1, 2, 3, 4, 5, 999, time.FixedZone("KST", 9*3600))},
			kinds{"a": Time, "b": Time},
			m{"a": time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC), "b": time.Date(2020, 1, 1, 18, 4, 5, 123456000, time.UTC), "c": time.Date(2020, 1, 1, 18, 4, 5, 0, time.UTC)},
			kinds{"c": Time},
		},
		"a date is a keyword unless declared": {m{"d": "2020-01-02"}, nil, m{"d": "2020-01-02"}, kinds{"d": Keyword}},
		"known fields are not learned":        {m{"k": []any{"x"}, "new": "y"}, kinds{"k": Keyword}, m{"k": []string{"x"}, "new": "y"}, kinds{"new": Keyword}},
	} {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(c.in)
			got, learned, err := NormalizeMetadata(c.in, c.fields)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(learned, c.learned) {
				t.Errorf("got %v, learned %v", got, learned)
			}
			if !reflect.DeepEqual(c.in, before) {
				t.Errorf("the input became %v", c.in)
			}
			schema := maps.Clone(c.fields)
			if schema == nil {
				schema = kinds{}
			}
			maps.Copy(schema, learned)
			again, more, err := NormalizeMetadata(got, schema)
			if err != nil || !reflect.DeepEqual(again, got) || more != nil {
				t.Errorf("twice: %v, %v, %v", again, more, err)
			}
		})
	}
}

func TestNormalizeMetadataRefuses(t *testing.T) {
	fields := map[string]FieldKind{"n": Number, "k": Keyword, "b": Bool, "t": Time}
	for name, c := range map[string]struct {
		field string
		value any
		want  error
		says  string
	}{
		"string for number":  {"n", "1", ErrFieldType, `"n": it is a number, the document gives a keyword`},
		"number for keyword": {"k", 1., ErrFieldType, `"k": it is a keyword, the document gives a number`},
		"list for time":      {"t", []any{"2020-01-01"}, ErrFieldType, "time"},
		"number for time":    {"t", 1577836800., ErrFieldType, "time"},
		"no time":            {"t", "yesterday", ErrFieldType, "2006-01-02"},
		"bool for number":    {"n", true, ErrFieldType, "bool"},
		"object":             {"o", map[string]any{"x": 1.}, ErrInvalidDocument, `field "o": objects`},
		"list of numbers":    {"o", []any{"a", 1.}, ErrInvalidDocument, "item 1"},
		"null in a list":     {"o", []any{nil}, ErrInvalidDocument, "item 0"},
		"NaN":                {"o", math.NaN(), ErrInvalidDocument, "finite"},
		"large integer":      {"o", int64(1<<53 + 1), ErrInvalidDocument, "9007199254740993"},
		"large unsigned":     {"o", uint64(math.MaxUint64), ErrInvalidDocument, "string"},
		"large JSON integer": {"o", json.Number("12345678901234567890"), ErrInvalidDocument, "12345678901234567890"},
		"large JSON number":  {"o", json.Number("1e999"), ErrInvalidDocument, "range"},
		"another type":       {"o", struct{}{}, ErrInvalidDocument, "struct"},
		"invalid UTF-8":      {"o", "ab\xff", ErrInvalidDocument, "byte 2"},
		"long string":        {"o", strings.Repeat("x", MaxKeywordBytes+1), ErrInvalidDocument, "32769 bytes"},
		"long list":          {"o", make([]string, MaxKeywords+1), ErrInvalidDocument, "4097 items"},
		"distant year":       {"o", time.Date(12020, 1, 1, 0, 0, 0, 0, time.UTC), ErrInvalidDocument, "12020"},
		"no name":            {"", 1., ErrInvalidDocument, "empty name"},
		"long name":          {strings.Repeat("x", MaxFieldName+1), 1., ErrInvalidDocument, "129 bytes"},
		"odd name":           {"a\nb", 1., ErrInvalidDocument, "control"},
		"backtick":           {"a`b", 1., ErrInvalidDocument, "backtick"},
	} {
		_, _, err := NormalizeMetadata(map[string]any{c.field: c.value}, fields)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := make(map[string]FieldKind)
	for i := range MaxFields {
		full[strings.Repeat("f", i%100+1)+string(rune('a'+i/100))] = Number
	}
	if _, _, err := NormalizeMetadata(map[string]any{"one more": 1.}, full); !errors.Is(err, ErrInvalidDocument) || !strings.Contains(err.Error(), "1024 fields") {
		t.Errorf("too many fields: %v", err)
	}
}

func TestCheckRecord(t *testing.T) {
	good := func() Record {
		return Record{Document: Document{ID: "a", Text: "가나다 라마"}, Passages: []Passage{{0, 3, []float32{1, 0}}, {2, 6, []float32{0, 1}}}}
	}
	if err := CheckRecord(good(), 2); err != nil {
		t.Fatal(err)
	}
	titleOnly := Record{Document: Document{ID: "a", Title: "제목"}, Passages: []Passage{{0, 0, []float32{1, 0}}}}
	if err := CheckRecord(titleOnly, 2); err != nil {
		t.Errorf("title only: %v", err)
	}
	bare := good()
	bare.Passages[0].Vector = nil
	if err := CheckRecord(bare, 2); err != nil {
		t.Errorf("a passage without a vector: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*Record)
		want   error
	}{
		"no id":             {func(r *Record) { r.ID = "" }, ErrInvalidDocument},
		"no text":           {func(r *Record) { r.Text = "  " }, ErrInvalidDocument},
		"long title":        {func(r *Record) { r.Title = strings.Repeat("x", MaxTitleBytes+1) }, ErrInvalidDocument},
		"title's UTF-8":     {func(r *Record) { r.Title = "\xc3(" }, ErrInvalidDocument},
		"invalid id":        {func(r *Record) { r.ID = "\xff" }, ErrInvalidDocument},
		"long id":           {func(r *Record) { r.ID = strings.Repeat("x", MaxIDBytes+1) }, ErrInvalidDocument},
		"no passages":       {func(r *Record) { r.Passages = nil }, ErrInvalidDocument},
		"negative":          {func(r *Record) { r.Passages[0].Start = -1 }, ErrInvalidDocument},
		"in bytes":          {func(r *Record) { r.Passages[1].End = 16 }, ErrInvalidDocument},
		"out of order":      {func(r *Record) { r.Passages[0].Start, r.Passages[0].End = 3, 3 }, ErrInvalidDocument},
		"vector's length":   {func(r *Record) { r.Passages[1].Vector = []float32{1} }, ErrInvalidVector},
		"vector's infinity": {func(r *Record) { r.Passages[1].Vector[0] = float32(math.Inf(1)) }, ErrInvalidVector},
		"vector of zeros":   {func(r *Record) { clear(r.Passages[0].Vector) }, ErrInvalidVector},
	} {
		r := good()
		c.change(&r)
		if err := CheckRecord(r, 2); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInvalidUTF8(t *testing.T) {
	for s, want := range map[string]int{"": -1, "가\ufffdb": -1, "가\xff": 3, "\xed\xa0\x80": 0, "ab\xe0\x80": 2} {
		if got := invalidUTF8(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
