package index

// Sentences gives the sentences of a text in order, without the space around
// them: what Split packs passages from. Line ends count as ends of sentences
// unless the line looks wrapped.
func Sentences(text string) []string {
	runes := []rune(text)
	units := sentences(runes)
	list := make([]string, len(units))
	for i, u := range units {
		list[i] = string(runes[u.start:u.end])
	}
	return list
}

// Sentence is a range of a text's runes: a sentence, or the heading of what
// follows.
type Sentence struct {
	Span
	Heading bool
}

// Outline gives the places of the sentences of a text, and says which of them are
// headings.
func Outline(text string) []Sentence {
	units := sentences([]rune(text))
	list := make([]Sentence, len(units))
	for i, u := range units {
		list[i] = Sentence{Span{u.start, u.end}, u.after == headingBreak}
	}
	return list
}
