package tokenize

import "strings"

// joints are what Hugging Face closes up behind a token: blanks before
// punctuation and English contractions.
var joints = strings.NewReplacer(
	" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " n't", "n't",
	" 'm", "'m", " do not", " don't", " 's", "'s", " 've", "'ve", " 're", "'re",
)

// Decode joins tokens to text: pieces that continue a word without a blank,
// the others with one, save before punctuation. What normalization changed
// does not come back. Ids without a token are skipped, special tokens only if
// asked.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	var b strings.Builder
	for _, id := range ids {
		token := t.Token(id)
		if token == "" || skipSpecial && t.IsSpecial(id) {
			continue
		}
		if b.Len() > 0 {
			if rest, ok := strings.CutPrefix(token, continuation); ok {
				token = rest
			} else {
				token = " " + token
			}
		}
		b.WriteString(joints.Replace(token))
	}
	return b.String()
}
