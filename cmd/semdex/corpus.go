package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"semdex/distill/mlm"
	"semdex/internal/progress"
	"semdex/internal/source"
)

// corpusFlags name the text of a training and what is held out of it.
type corpusFlags struct {
	text     []string
	dev      []string
	devShare float64
	share    float64
	encoding string
}

func (f *corpusFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringSliceVar(&f.text, "text", nil, "`files` to train on: JSON lines, or text with empty lines between documents; .gz and .zst, too")
	flags.StringSliceVar(&f.dev, "dev", nil, "held-out `files` to evaluate on")
	flags.Float64Var(&f.devShare, "dev-share", 0, "`share` of the documents of --text to hold out and evaluate on")
	flags.Float64Var(&f.share, "text-share", 1, "`share` of the documents of --text to train on")
	flags.StringVar(&f.encoding, "encoding", "", "`name` of the text encoding, such as cp949 (default found out)")
}

// parse checks the flags; others says that there is more to train on than --text.
func (f *corpusFlags) parse(cmd *cobra.Command, others bool) error {
	switch {
	case len(f.text) == 0 && !others:
		return usage(cmd, "%s: --text is missing", cmd.Name())
	case !(f.devShare >= 0 && f.devShare <= 0.5):
		return usage(cmd, "--dev-share is %g; 0 to 0.5 make sense", f.devShare)
	case !(f.share > 0 && f.share <= 1):
		return usage(cmd, "--text-share is %g; it is above 0 and at most 1", f.share)
	}
	return nil
}

// role is what a document is used for.
type role uint8

const (
	unused role = iota
	training
	heldOut
)

// role draws what document n of --text is used for. It depends on n alone, so
// that runs with other seeds share their held-out text.
func (f *corpusFlags) role(n int) role {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64([]byte("held out"), uint64(n)))
	u := float64(mix(h.Sum64())>>11) / (1 << 53)
	switch {
	case u < f.devShare:
		return heldOut
	case u < f.devShare+(1-f.devShare)*f.share:
		return training
	}
	return unused
}

// mix spreads the bits of a hash, whose upper ones change little between short
// inputs (the finalizer of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// readText streams the documents of a file until visit says that it has enough.
func (a *app) readText(ctx context.Context, path, encoding string, visit func(n int, text string) (more bool, err error)) error {
	s, err := source.Open([]string{path}, source.Options{Blocks: true, Encoding: encoding, Stdin: a.stdin, Fields: source.Fields{NoMeta: true}})
	if err != nil {
		return err
	}
	bar := a.progress("reading "+filepath.Base(path), func() progress.State {
		return progress.State{Done: s.Read(), Total: s.Size(), Bytes: true}
	})
	defer bar.Stop()
	n := 0
	for d, err := range s.Documents(ctx) {
		if err != nil {
			return err
		}
		text := d.Text
		if d.Title != "" {
			text = d.Title + "\n" + text
		}
		if strings.IndexByte(text, 0) >= 0 {
			return &source.RecordError{File: path, Err: fmt.Errorf("%w: it has NUL bytes, so it is no text", mlm.ErrCorpus)}
		}
		more, err := visit(n, text)
		if err != nil || !more {
			return err
		}
		n++
	}
	return nil
}
