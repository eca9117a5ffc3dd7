package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"semdex/embed"
)

const embedLong = `Encode texts and print their vectors, as JSON: a line {"text", "vector"} for each.
Texts are arguments, or lines of standard input if there are none.`

const embedExample = `  semdex embed "first text" "second text"
  semdex embed --dims 64 --normalize < sentences.txt > vectors.jsonl
  semdex embed --json "a" "b" | jq '.[0] | length'`

// embedFlags are the flags of the verb embed.
type embedFlags struct {
	modelFlags
	dims      int
	normalize bool
	prompt    string
	asJSON    bool
}

func (a *app) embedCommand() *cobra.Command {
	var f embedFlags
	c := &cobra.Command{
		Use:     "embed [flags] [TEXT...]",
		Short:   "Turn texts into vectors",
		Long:    embedLong,
		Example: embedExample,
		RunE: func(cmd *cobra.Command, texts []string) error {
			return a.embed(cmd.Context(), texts, &f)
		},
	}
	f.modelFlags.flags(c)
	flags := c.Flags()
	flags.IntVar(&f.dims, "dims", 0, "keep the first so many `values` (default all)")
	flags.BoolVar(&f.normalize, "normalize", true, "scale vectors to length 1")
	flags.StringVar(&f.prompt, "prompt-name", "", "`name` of the model's prompt to put before each text")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON array of vectors")
	return verb(c, atLeast(0, ""))
}

// embedBatch is how many lines are encoded at a time.
const embedBatch = 256

func (a *app) embed(ctx context.Context, texts []string, f *embedFlags) error {
	model, err := a.loadModel(ctx, f.model, f.load())
	if err != nil {
		return err
	}
	defer a.close(model)
	out := &vectorWriter{w: bufio.NewWriter(a.stdout), array: f.asJSON}
	encode := func(batch []string) error {
		r, err := model.Encode(ctx, batch, embed.EncodeOptions{Dims: f.dims, Raw: !f.normalize, PromptName: f.prompt})
		if err != nil {
			return err
		}
		return out.write(batch, r.Vectors)
	}
	if len(texts) > 0 {
		err = encode(texts)
	} else {
		err = eachBatch(a.stdin, encode)
	}
	if err != nil {
		return err
	}
	return out.close()
}

// eachBatch hands on the lines of r, however long, blank ones too, so that
// vectors and lines keep the same numbers.
func eachBatch(r io.Reader, encode func([]string) error) error {
	lines := bufio.NewReader(r)
	var batch []string
	for {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("standard input: %w", err)
		}
		if line != "" {
			batch = append(batch, strings.TrimRight(line, "\r\n"))
		}
		if len(batch) > 0 && (len(batch) == embedBatch || err == io.EOF) {
			if err := encode(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if err == io.EOF {
			return nil
		}
	}
}

// vectorWriter prints vectors as lines of objects, or as one array.
type vectorWriter struct {
	w     *bufio.Writer
	array bool
	n     int
}

func (v *vectorWriter) write(texts []string, vectors [][]float32) error {
	for i, vector := range vectors {
		var item any = struct {
			Text   string    `json:"text"`
			Vector []float32 `json:"vector"`
		}{texts[i], vector}
		if v.array {
			item = vector
		}
		raw, err := json.Marshal(item)
		if err != nil {
			return fmt.Errorf("text %d: %w", v.n+1, err)
		}
		switch {
		case v.array && v.n == 0:
			raw = append([]byte{'['}, raw...)
		case v.array:
			raw = append([]byte(",\n"), raw...)
		default:
			raw = append(raw, '\n')
		}
		if _, err := v.w.Write(raw); err != nil {
			return err
		}
		v.n++
	}
	return v.w.Flush()
}

func (v *vectorWriter) close() error {
	if v.array {
		end := "]\n"
		if v.n == 0 {
			end = "[]\n"
		}
		if _, err := v.w.WriteString(end); err != nil {
			return err
		}
	}
	return v.w.Flush()
}
