package embed

import (
	"slices"
	"testing"
)

// FuzzSplit: chunks follow each other without a gap, none is empty or too long,
// and there are not many more than needed.
func FuzzSplit(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5}, 2)
	f.Add(make([]byte, 100), 30)
	f.Fuzz(func(t *testing.T, data []byte, room int) {
		room = 1 + abs(room)%200
		ids := make([]int32, len(data))
		for i, b := range data {
			ids[i] = int32(b)
		}
		inWord := make([]bool, 256)
		for i := range inWord {
			inWord[i] = i >= 128
		}
		chunks := split(ids, room, func() []bool { return inWord })
		if !slices.Equal(slices.Concat(chunks...), ids) {
			t.Fatal("the chunks are not the whole")
		}
		for i, c := range chunks {
			if len(c) > room || len(c) == 0 && len(ids) > 0 {
				t.Fatalf("chunk %d has %d tokens, room for %d", i, len(c), room)
			}
			if i > 0 && inWord[c[0]] && room > longestWord {
				before := chunks[i-1]
				if n := min(len(before), longestWord) - 1; slices.ContainsFunc(before[len(before)-n:], func(id int32) bool { return !inWord[id] }) {
					t.Fatalf("chunk %d begins inside a word that could have been spared", i)
				}
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

func TestSplitBalances(t *testing.T) {
	words := func() []bool { return make([]bool, 1) }
	for _, c := range []struct {
		n, room int
		want    []int
	}{
		{0, 5, []int{0}}, {5, 5, []int{5}}, {6, 5, []int{3, 3}}, {11, 5, []int{4, 4, 3}}, {3, 1, []int{1, 1, 1}},
	} {
		var got []int
		for _, chunk := range split(make([]int32, c.n), c.room, words) {
			got = append(got, len(chunk))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d tokens, room for %d: %v, want %v", c.n, c.room, got, c.want)
		}
	}
}

func TestWindow(t *testing.T) {
	big := string(make([]byte, windowBytes-10))
	for _, c := range []struct {
		texts []string
		want  []int
	}{
		{nil, nil},
		{make([]string, windowTexts+1), []int{windowTexts, windowTexts + 1}},
		{[]string{"a", big, "0123456789", big + big, "b"}, []int{2, 3, 4, 5}},
	} {
		var got []int
		for from := 0; from < len(c.texts); from = got[len(got)-1] {
			got = append(got, window(c.texts, from))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("windows end at %v, want %v", got, c.want)
		}
	}
}
