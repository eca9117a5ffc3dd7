package pairs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"semdex/nli/internal/table"
)

// fields goes over the remaining rows of r.
func fields(r *table.Reader, columns []string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for {
			f, err := r.Fields(columns...)
			if err == io.EOF || !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// readLines goes over the lines of r without their ends; a line is valid until
// the next one.
func readLines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		b := bufio.NewReaderSize(r, 1<<20)
		for {
			line, err := b.ReadBytes('\n')
			if err != nil && err != io.EOF {
				yield(nil, err)
				return
			}
			last := err == io.EOF
			if last && len(line) == 0 {
				return
			}
			if !yield(bytes.TrimRight(line, "\r\n"), nil) || last {
				return
			}
		}
	}
}

// readJSONLines decodes every line of the file at path into a T.
func readJSONLines[T any](path string, visit func(T) error) error {
	f, err := table.OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n := 0
	for line, err := range readLines(f) {
		n++
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if err := visit(v); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return nil
}

// squadFile is the part of a SQuAD file that is used here.
type squadFile struct {
	Data []struct {
		Paragraphs []squadParagraph
	}
}

type squadParagraph struct {
	Context string
	QAs     []struct {
		Question string
	}
}

// readSQuAD gives the paragraphs of a file in the form of SQuAD.
func readSQuAD(path string) ([]squadParagraph, error) {
	f, err := table.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var file squadFile
	if err := json.NewDecoder(f).Decode(&file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var out []squadParagraph
	for _, article := range file.Data {
		out = append(out, article.Paragraphs...)
	}
	return out, nil
}
