package source

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

func readText(in *input, r *reading) error {
	if in.opt.Lines {
		return readLines(in, r)
	}
	if in.opt.Blocks {
		return readBlocks(in, r)
	}
	text, ok, err := wholeText(in, r)
	if err != nil || !ok {
		return err
	}
	r.doc(0, Document{ID: in.name, Text: string(bytes.TrimSpace(text))})
	return nil
}

func readLines(in *input, r *reading) error {
	for {
		line, err := in.readLine()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		more := false
		if utf8.Valid(line) {
			more = r.doc(in.line, Document{ID: fmt.Sprintf("%s:%d", in.name, in.line), Text: string(line)})
		} else {
			more = r.bad(in.line, errNotUTF8)
		}
		if !more {
			return nil
		}
	}
}

// maxBlock is the number of bytes after which a block ends even without an empty
// line, so that files without any are streamed, too.
const maxBlock = 1 << 20

func readBlocks(in *input, r *reading) error {
	var block []byte
	first := 0
	flush := func() bool {
		text := string(block)
		block = block[:0]
		return text == "" || r.doc(first, Document{ID: fmt.Sprintf("%s:%d", in.name, first), Text: text})
	}
	for {
		line, err := in.readLine()
		if err == io.EOF {
			flush()
			return nil
		}
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if !utf8.Valid(line) {
			if !r.bad(in.line, errNotUTF8) {
				return nil
			}
			continue
		}
		if len(line) > 0 {
			if len(block) > 0 {
				block = append(block, '\n')
			} else {
				first = in.line
			}
			block = append(block, line...)
		}
		if (len(line) == 0 || len(block) >= maxBlock) && !flush() {
			return nil
		}
	}
}

// wholeText reads a file that is one document. It reports false after it has
// reported that the file is no text.
func wholeText(in *input, r *reading) ([]byte, bool, error) {
	text, err := in.readAll()
	if err != nil {
		return nil, false, err
	}
	if !utf8.Valid(text) {
		r.bad(1+bytes.Count(text[:firstInvalid(text)], []byte{'\n'}), errNotUTF8)
		return nil, false, nil
	}
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), true, nil
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}
