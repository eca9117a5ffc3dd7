package pairs

import (
	"slices"
	"testing"
)

func TestGlosses(t *testing.T) {
	for text, want := range map[string][]string{
		"이중 나선(double helix)은 꼬인다. 세포(영어: cell, 細胞)": {"이중 나선 | double helix", "세포 | cell"},
		"미국의 아주 긴 이름(a term of many words)":          {"아주 긴 이름 | a term of many words"},
		"유엔(UN)과 나토(NATO), 유네스코(UNESCO)":             {"유네스코 | UNESCO"},
		"1990년(year) 수학(數學, math) (none) x(Latin)":   nil,
		"끝나지 않는 괄호(never closed":                     nil,
		"사과(apple)사과(apple)":                         {"사과 | apple"},
		"뉴턴(I. Newton)의 법칙":                          {"뉴턴 | I. Newton"},
		"(":                                          nil,
	} {
		d := &Data{}
		c := (&builder{data: d}).collect()
		c.glosses(text)
		var got []string
		for _, e := range c.list {
			got = append(got, d.Text(e.A)+" | "+d.Text(e.B))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
