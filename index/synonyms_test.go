package index_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"semdex/index"
)

func TestParseSynonyms(t *testing.T) {
	got, err := index.ParseSynonyms("\ufeff# cars\r\ncar , auto,  motor   vehicle\r\n\n tv=>television, 텔레비전\n#x => \n서울, seoul")
	if err != nil {
		t.Fatal(err)
	}
	cars, seoul := []string{"car", "auto", "motor vehicle"}, []string{"서울", "seoul"}
	want := []index.SynonymRule{
		{From: cars, To: cars, Line: 2},
		{From: []string{"tv"}, To: []string{"television", "텔레비전"}, Line: 4},
		{From: seoul, To: seoul, Line: 6},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, err := index.ParseSynonyms("\n# nothing\n"); len(got) > 0 || err != nil {
		t.Errorf("comments give %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"a, b\ncar":                       `line 2: "car" is alone`,
		"\n\na,,b":                        "line 3: entry 2 is empty",
		"=> b":                            "line 1: entry 1 is empty",
		"a =>":                            "line 1: entry 1 is empty",
		"a => b => c":                     "line 1: there are two arrows",
		"a, b, A":                         `line 1: "A" is there twice`,
		"a => b, A":                       `line 1: "A" is on both sides`,
		"a, ...":                          `line 1: "..." has no letters`,
		"a, \xff":                         "line 1: invalid UTF-8 at byte 3",
		"a, b" + strings.Repeat("b", 256): "line 1: \"bbb",
		"a" + strings.Repeat(",b", 40):    "line 1: 41 entries, at most 32",
		strings.Repeat("#", 1<<20+1):      "1048577 bytes, at most 1048576",
	} {
		_, err := index.ParseSynonyms(text)
		if !errors.Is(err, index.ErrInvalidSynonyms) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseSynonyms(f *testing.F) {
	for _, seed := range []string{"a, b", "a => b, c", "# x\n서울, seoul", "a,,", "=>", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := index.ParseSynonyms(text)
		if err != nil {
			if len(rules) > 0 || !errors.Is(err, index.ErrInvalidSynonyms) {
				t.Errorf("%v with %v", rules, err)
			}
			return
		}
		last := 0
		for _, r := range rules {
			if len(r.From) == 0 || len(r.To) == 0 || r.Line <= last {
				t.Errorf("rule %+v", r)
			}
			last = r.Line
		}
	})
}
