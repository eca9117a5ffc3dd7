package pairs

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// clean makes white space single and removes the scars that template
// extraction leaves in Wikipedia's text: empty or half-empty brackets such as
// "(, )" and "( ; x)", doubled commas, a space before a comma, stop or bracket.
func clean(s string) string {
	out := make([]byte, 0, len(s))
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = len(out) > 0
			continue
		}
		last := lastByte(out)
		switch r {
		case ',', ';':
			if last == '(' || r == ',' && last == ',' {
				continue
			}
			space = space && r == ';'
		case '.':
			space = false
		case ')':
			body := strings.TrimRight(string(out[max(0, len(out)-16):]), " ,;·-")
			if strings.HasSuffix(body, "(") { // nothing but punctuation inside
				out = out[:strings.LastIndexByte(string(out), '(')]
				out, space = trimSpace(out)
				continue
			}
			out, space = trimComma(out), false
		}
		if space && last != '(' {
			out = append(out, ' ')
		}
		space = false
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

func lastByte(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[len(b)-1]
}

// trimSpace takes the space off the end, and says whether there was one.
func trimSpace(b []byte) ([]byte, bool) {
	if lastByte(b) == ' ' {
		return b[:len(b)-1], true
	}
	return b, false
}

func trimComma(b []byte) []byte {
	for c := lastByte(b); c == ',' || c == ';' || c == ' '; c = lastByte(b) {
		b = b[:len(b)-1]
	}
	return b
}

// cut shortens s to at most n runes, at a space where one is near the end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := len(s)
	for i := range s {
		if n == 0 {
			end = i
			break
		}
		n--
	}
	if end == len(s) {
		return s
	}
	if i := strings.LastIndexByte(s[:end+1], ' '); i > end*4/5 {
		end = i
	}
	return s[:end]
}

// sentences splits a paragraph after a full stop, question mark or exclamation
// mark, with the quotes and brackets that close there, where white space
// follows. It is for training text: that "Dr. No" falls apart does no harm.
func sentences(paragraph string) []string {
	var out []string
	start, ended := 0, false
	for i, r := range paragraph {
		switch {
		case strings.ContainsRune(".!?。", r):
			ended = true
		case ended && strings.ContainsRune("\"'”’)", r):
		case ended && unicode.IsSpace(r):
			if s := strings.TrimSpace(paragraph[start:i]); s != "" {
				out = append(out, s)
			}
			start, ended = i, false
		default:
			ended = false
		}
	}
	if s := strings.TrimSpace(paragraph[start:]); s != "" {
		out = append(out, s)
	}
	return out
}

// emptyKey is the key of a text without letters and digits.
const emptyKey uint64 = 14695981039346656037

// key is a hash (FNV-1a) of the letters and digits of s in NFC and lower case:
// texts that differ in case, spacing or punctuation alone have the same key.
func key(s string) uint64 {
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	h := emptyKey
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			continue
		}
		for r = unicode.ToLower(r); r > 0; r >>= 8 {
			h = (h ^ uint64(r&0xff)) * 1099511628211
		}
	}
	return h
}

// isKorean says whether a fair part of the beginning of s is Hangul syllables.
func isKorean(s string) bool {
	hangul, n := 0, 0
	for _, r := range s {
		if r >= '가' && r <= '힣' {
			hangul++
		}
		if n++; n == 400 {
			break
		}
	}
	return hangul > n/10
}
