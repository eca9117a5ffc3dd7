package index

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a document. The title's is small because it is encoded and indexed
// again with each of the document's passages, of which there can be ten thousand.
const (
	MaxIDBytes    = 512
	MaxTitleBytes = 2 << 10
	MaxTextBytes  = 16 << 20
)

// CheckDocument reports ErrInvalidDocument for a document that cannot be
// stored: no usable id, neither title nor text, invalid UTF-8 (offsets into a
// repaired text would point past the source), one that is too large, or headings
// that are no stretches of the text in order.
// Metadata is checked by NormalizeMetadata.
func CheckDocument(d Document) error {
	if err := CheckID(d.ID); err != nil {
		return err
	}
	if len(d.Title) > MaxTitleBytes {
		return fmt.Errorf("%w: the title has %d bytes, at most %d are allowed; long text belongs into the document's text", ErrInvalidDocument, len(d.Title), MaxTitleBytes)
	}
	if len(d.Text) > MaxTextBytes {
		return fmt.Errorf("%w: the text has %d bytes, at most %d are allowed; split it into several documents", ErrInvalidDocument, len(d.Text), MaxTextBytes)
	}
	if at := invalidUTF8(d.Title); at >= 0 {
		return fmt.Errorf("%w: the title has invalid UTF-8 at byte %d", ErrInvalidDocument, at)
	}
	if at := invalidUTF8(d.Text); at >= 0 {
		return fmt.Errorf("%w: the text has invalid UTF-8 at byte %d", ErrInvalidDocument, at)
	}
	if strings.TrimSpace(d.Title) == "" && strings.TrimSpace(d.Text) == "" {
		return fmt.Errorf("%w: both title and text are empty", ErrInvalidDocument)
	}
	return checkHeadings(d)
}

// CheckID reports ErrInvalidDocument for an id that is empty, longer than
// MaxIDBytes, not UTF-8, or has control characters.
func CheckID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: the id is empty", ErrInvalidDocument)
	case len(id) > MaxIDBytes:
		return fmt.Errorf("%w: the id %.40q... has %d bytes, at most %d are allowed", ErrInvalidDocument, id, len(id), MaxIDBytes)
	case !utf8.ValidString(id):
		return fmt.Errorf("%w: the id %q has invalid UTF-8", ErrInvalidDocument, id)
	case strings.ContainsFunc(id, unicode.IsControl):
		return fmt.Errorf("%w: the id %q has control characters", ErrInvalidDocument, id)
	}
	return nil
}

// CheckName reports ErrInvalidName unless name is 1 to 64 lower-case letters,
// digits, "-" and "_", and begins with a letter or digit. Such a name is a
// safe file name and URL segment everywhere.
func CheckName(name string) error {
	valid := name != "" && len(name) <= 64 && name[0] != '-' && name[0] != '_'
	for i := 0; valid && i < len(name); i++ {
		c := name[i]
		valid = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
	}
	if !valid {
		return fmt.Errorf("%w %.80q: 1 to 64 lower-case letters, digits, - and _, the first one a letter or digit", ErrInvalidName, name)
	}
	return nil
}

// invalidUTF8 is the offset of the first invalid byte, or -1.
func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}
