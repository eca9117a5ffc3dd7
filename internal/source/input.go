package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// window is how far ahead encodings and delimiters are guessed.
const window = 64 << 10

// maxRecord bounds one line or one whole-file document, so that a wrong file
// cannot take all memory.
const maxRecord = 256 << 20

var errTooLong = fmt.Errorf("longer than %d MiB; is this the right format?", maxRecord>>20)

// input is an opened file: decompressed, decoded to UTF-8 as far as that is
// known, without a byte order mark.
type input struct {
	*bufio.Reader
	opt    Options
	name   string
	format Format
	line   int // the line that readLine returned last, from 1
}

// openInput opens a file through the layers: count, decompress, decode.
func (s *Source) openInput(f file) (in *input, closeAll func(), err error) {
	var closers []func()
	closeAll = func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}
	var raw io.Reader = s.opt.Stdin
	if !f.stdin {
		opened, err := os.Open(f.path)
		if err != nil {
			return nil, nil, err
		}
		closers = append(closers, func() { _ = opened.Close() })
		raw = opened
	} else if raw == nil {
		return nil, nil, errors.New("standard input is not connected")
	}
	r, closeDecoder, err := decompress(bufio.NewReaderSize(&counter{r: raw, n: &s.read}, window))
	if err != nil {
		closeAll()
		return nil, nil, &RecordError{File: f.path, Err: err}
	}
	closers = append(closers, closeDecoder)
	// HTML may declare its encoding in the text: readHTML decodes by itself.
	if f.format != HTML {
		r, err = decode(r, s.opt.Encoding)
		if err != nil {
			closeAll()
			return nil, nil, &RecordError{File: f.path, Err: err}
		}
	}
	return &input{Reader: bufio.NewReaderSize(r, window), opt: s.opt, name: f.name, format: f.format}, closeAll, nil
}

// decompress goes by the first bytes, not by the name, so that standard input
// and misnamed files work too.
func decompress(r *bufio.Reader) (io.Reader, func(), error) {
	head, err := r.Peek(4)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("gzip: %w", err)
		}
		return &named{z, "gzip"}, func() { _ = z.Close() }, nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return nil, nil, fmt.Errorf("zstd: %w", err)
		}
		return &named{z, "zstd"}, z.Close, nil
	}
	return r, func() {}, nil
}

// named says in its errors which layer failed.
type named struct {
	r     io.Reader
	layer string
}

func (n *named) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", n.layer, err)
	}
	return k, err
}

type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	k, err := c.r.Read(p)
	c.n.Add(int64(k))
	return k, err
}

// readLine returns the next line without its end, however long; io.EOF after
// the last. The bytes are valid until the next call.
func (in *input) readLine() ([]byte, error) {
	part, err := in.ReadSlice('\n')
	if err == nil || (err == io.EOF && len(part) > 0) {
		in.line++
		return trimEOL(part), nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	long := append([]byte(nil), part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = in.ReadSlice('\n')
		if long = append(long, part...); len(long) > maxRecord {
			return nil, fmt.Errorf("line %d is %w", in.line+1, errTooLong)
		}
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	in.line++
	return trimEOL(long), nil
}

func trimEOL(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// readAll returns the whole file.
func (in *input) readAll() ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(in, maxRecord+1))
	if err != nil {
		return nil, err
	}
	if len(all) > maxRecord {
		return nil, fmt.Errorf("file is %w", errTooLong)
	}
	return all, nil
}

// sniffStdin tells JSON lines from a JSON array; nothing else announces itself
// well enough.
func sniffStdin(in *input) (Format, error) {
	head, err := in.Peek(window)
	if err != nil && err != io.EOF {
		return Auto, err
	}
	trimmed := strings.TrimLeft(string(head), " \t\r\n")
	switch {
	case trimmed == "" || strings.HasPrefix(trimmed, "{"):
		return JSONL, nil
	case strings.HasPrefix(trimmed, "["):
		return JSON, nil
	}
	return Auto, errors.New("this is not JSON; name the format with --format")
}
