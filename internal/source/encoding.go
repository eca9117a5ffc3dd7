package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// errNotUTF8 is the complaint about a record with bytes that are no text.
var errNotUTF8 = errors.New("not valid UTF-8; name the file's encoding with --encoding (cp949, utf-16le, windows-1252, ...)")

func lookupEncoding(name string) (encoding.Encoding, error) {
	switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
	case "cp949", "uhc", "ms949", "euckr":
		return korean.EUCKR, nil // the WHATWG EUC-KR, which is code page 949
	case "utf-16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("unknown encoding %q: know utf-8, utf-16le, utf-16be, cp949, euc-kr, windows-1252 and the other names of the WHATWG list", name)
	}
	return e, nil
}

var (
	bomUTF8    = []byte{0xef, 0xbb, 0xbf}
	bomUTF16LE = []byte{0xff, 0xfe}
	bomUTF16BE = []byte{0xfe, 0xff}
)

// decode turns r into UTF-8. A byte order mark decides; then the named
// encoding; then detection, which knows UTF-8 and code page 949.
func decode(r io.Reader, name string) (io.Reader, error) {
	br := bufio.NewReaderSize(r, window)
	head, err := br.Peek(3)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, bomUTF8):
		_, _ = br.Discard(len(bomUTF8))
		return br, nil
	case bytes.HasPrefix(head, bomUTF16LE), bytes.HasPrefix(head, bomUTF16BE):
		return transform.NewReader(br, unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder()), nil
	}
	if name == "" {
		return &detector{r: br}, nil
	}
	e, err := lookupEncoding(name)
	if err != nil {
		return nil, err
	}
	if e == unicode.UTF8 {
		return br, nil // no replacement characters: readers name the bad line
	}
	return transform.NewReader(br, e.NewDecoder()), nil
}

// detector passes ASCII through and decides at the first byte beyond it: what
// follows is UTF-8, or it is code page 949.
type detector struct {
	r    *bufio.Reader
	rest io.Reader // set once decided
}

func (d *detector) Read(p []byte) (int, error) {
	if d.rest != nil {
		return d.rest.Read(p)
	}
	head, err := d.r.Peek(1)
	if err != nil {
		return 0, err
	}
	if head[0] < utf8.RuneSelf {
		head, _ = d.r.Peek(d.r.Buffered())
		n := copy(p, head[:asciiPrefix(head)])
		_, _ = d.r.Discard(n)
		return n, nil
	}
	ahead, err := d.r.Peek(window)
	if err != nil && err != io.EOF {
		return 0, err
	}
	d.rest = d.r
	if looksCP949(ahead, err == io.EOF) {
		d.rest = transform.NewReader(d.r, korean.EUCKR.NewDecoder())
	}
	return d.rest.Read(p)
}

func asciiPrefix(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

// looksCP949 reports whether the bytes are not UTF-8 but decode cleanly as
// code page 949. UTF-8 with a few damaged bytes stays UTF-8, so that the
// damage is reported instead of turned into other characters.
func looksCP949(b []byte, whole bool) bool {
	valid, invalid := 0, 0 // multi-byte sequences of UTF-8, bytes that are none
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || size > 1:
			if size > 1 {
				valid++
			}
		case !whole && !utf8.FullRune(b[i:]):
			// cut off by the window, not damaged
		default:
			invalid++
		}
		i += size
	}
	if invalid == 0 || valid > invalid {
		return false
	}
	decoder := korean.EUCKR.NewDecoder()
	if !whole {
		b = b[:len(b)-1] // the window may end between two bytes of a pair
	}
	out, err := decoder.Bytes(b)
	if err != nil {
		return false
	}
	damage := bytes.Count(out, []byte("\uFFFD"))
	return damage == 0 || (!whole && damage == 1 && bytes.HasSuffix(out, []byte("\uFFFD")))
}
