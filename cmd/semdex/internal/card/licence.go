package card

import "strings"

// LicenceOf is the licence that the front matter of a model card states; "" if it
// states none.
func LicenceOf(markdown string) string {
	rest, ok := strings.CutPrefix(markdown, "---\n")
	if !ok {
		return ""
	}
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if line == "---" {
			break
		}
		if value, ok := strings.CutPrefix(line, "license:"); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}
