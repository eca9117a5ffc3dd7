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
