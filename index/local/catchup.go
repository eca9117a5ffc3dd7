package local

import (
	"context"
	"fmt"
	"math"
	"slices"

	"semdex/index"
)

// unknownLength marks a passage that the text leg has not been seen to hold.
const unknownLength = math.MaxUint32

// catchUp compares the text leg with the documents of the log, which have just
// been read, and adds and removes what differs: whatever was written after the
// leg last reached the disk. Keys never come to mean another text, so the sets
// of keys are all there is to compare. The lengths of passages come from the
// keys too.
func (c *Collection) catchUp() error {
	v := &c.state.view
	for it := v.live.Iterator(); it.HasNext(); {
		d := v.docs[it.Next()]
		for i := range d.lengths {
			d.lengths[i] = unknownLength
		}
	}
	var strangers []textKey
	err := c.text.read(func(s *textView) error {
		return c.text.each(s, func(k textKey) {
			n, ok := v.find(k.sequence)
			if !ok || !v.live.Contains(n) || int(k.ordinal) >= v.docs[n].passages() || v.docs[n].lengths[k.ordinal] != unknownLength {
				strangers = append(strangers, k)
				return
			}
			v.docs[n].lengths[k.ordinal] = k.length
		})
	})
	if err != nil {
		return err
	}
	if err := c.text.removeSaved(strangers, c.text.sequence); err != nil {
		return err
	}
	var missing []*document
	for it := v.live.Iterator(); it.HasNext(); {
		if d := v.docs[it.Next()]; slices.Contains(d.lengths, unknownLength) {
			missing = append(missing, d)
		}
	}
	if len(missing)+len(strangers) > 0 {
		c.log.Info("bringing the text leg forward", "from", c.text.sequence, "to", c.sequence, "documents", len(missing), "stale", len(strangers))
	}
	if err := c.addMissing(missing); err != nil {
		return err
	}
	v.terms = 0
	for it := v.live.Iterator(); it.HasNext(); {
		for _, n := range v.docs[it.Next()].lengths {
			v.terms += uint64(n)
		}
	}
	if c.text.sequence != c.sequence {
		if err := c.text.removeSaved(nil, c.sequence); err != nil {
			return err
		}
	}
	c.text.sequence, c.text.saved = c.sequence, c.sequence
	return nil
}

// addMissing analyzes documents again and adds the passages that the text leg
// lacks.
func (c *Collection) addMissing(missing []*document) error {
	tail := new(textTail)
	for docs := range slices.Chunk(missing, 256) {
		records := make([]*index.Record, len(docs))
		for i, d := range docs {
			r, _, err := d.load()
			if err != nil {
				return fmt.Errorf("document %q: %w", d.id, err)
			}
			records[i] = &r
		}
		for _, text := range analyzeRecords(c.text.analyzer, c.split, records) {
			tail.tailView = tail.with(lackingText(docs[:len(text.lengths)], text))
			docs = docs[len(text.lengths):]
		}
		tail.skipped = tail.dead
		if tail.brimful(c.text.tailPassages) {
			if err := c.text.save(tail); err != nil {
				return err
			}
			c.awaitFiles(context.Background())
			tail = new(textTail)
		}
	}
	if len(tail.keys) == 0 {
		return nil
	}
	return c.text.save(tail)
}

// lackingText is the passages of documents without those that the text leg has, and
// gives the others their lengths.
func lackingText(docs []*document, text analyzed) textAddition {
	a := textAddition{run: text.run}
	for i, d := range docs {
		for j, length := range text.lengths[i] {
			if d.lengths[j] == unknownLength {
				d.lengths[j] = length
			} else {
				a.gone = append(a.gone, uint32(len(a.keys)))
			}
			a.keys = append(a.keys, textKey{d.sequence, uint32(j), length})
		}
	}
	return a
}
