package local

import (
	"maps"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
)

// columns hold documents' metadata by field, for filters. Documents are
// numbers in order of arrival; a number is never used again, so deleting a
// document leaves its bits behind until compaction renumbers.
type columns map[string]*column

// column is one field. Which of the parts is used depends on its kind.
type column struct {
	exists   *roaring.Bitmap
	keywords map[string]*roaring.Bitmap
	yes      *roaring.Bitmap
	numbers  series[float64]
	times    series[int64] // microseconds since 1970
}

func newColumn() *column {
	return &column{
		exists:   roaring.New(),
		keywords: make(map[string]*roaring.Bitmap),
		yes:      roaring.New(),
	}
}

// add stores a document's normalised metadata.
func (c columns) add(doc uint32, metadata map[string]any) {
	for name, value := range metadata {
		col := c[name]
		if col == nil {
			col = newColumn()
			c[name] = col
		}
		col.exists.Add(doc)
		switch v := value.(type) {
		case string:
			col.addKeyword(doc, v)
		case []string:
			for _, s := range v {
				col.addKeyword(doc, s)
			}
		case float64:
			col.numbers.add(doc, v)
		case bool:
			if v {
				col.yes.Add(doc)
			}
		case time.Time:
			col.times.add(doc, v.UnixMicro())
		}
	}
}

func (c *column) addKeyword(doc uint32, keyword string) {
	b := c.keywords[keyword]
	if b == nil {
		b = roaring.New()
		c.keywords[keyword] = b
	}
	b.Add(doc)
}

// renumber returns the columns of the documents that number maps.
func (c columns) renumber(number map[uint32]uint32) columns {
	out := make(columns, len(c))
	for name, col := range c {
		n := newColumn()
		n.exists, n.yes = renumberBitmap(col.exists, number), renumberBitmap(col.yes, number)
		for k, b := range col.keywords {
			if r := renumberBitmap(b, number); !r.IsEmpty() {
				n.keywords[k] = r
			}
		}
		n.numbers, n.times = col.numbers.renumber(number), col.times.renumber(number)
		out[name] = n
	}
	return out
}

func renumberBitmap(b *roaring.Bitmap, number map[uint32]uint32) *roaring.Bitmap {
	out := roaring.New()
	for it := b.Iterator(); it.HasNext(); {
		if n, ok := number[it.Next()]; ok {
			out.Add(n)
		}
	}
	return out
}

// filter returns those of the live documents that f accepts. The bitmap is the
// caller's; live is not changed.
func (c columns) filter(f index.Filter, live *roaring.Bitmap) *roaring.Bitmap {
	switch f := f.(type) {
	case index.And:
		out := live.Clone()
		for _, part := range f {
			out.And(c.filter(part, live))
		}
		return out
	case index.Or:
		out := roaring.New()
		for _, part := range f {
			out.Or(c.filter(part, live))
		}
		return out
	case index.Not:
		return roaring.AndNot(live, c.filter(f.Filter, live))
	}
	out := c.leaf(f)
	out.And(live)
	return out
}

// leaf evaluates a condition on one field, for dead documents too.
func (c columns) leaf(f index.Filter) *roaring.Bitmap {
	switch f := f.(type) {
	case index.Compare:
		if col := c[f.Field]; col != nil {
			return col.compare(f.Op, f.Value)
		}
	case index.In:
		if col := c[f.Field]; col != nil {
			return col.in(f.Values)
		}
	case index.Exists:
		if col := c[f.Field]; col != nil {
			return col.exists.Clone()
		}
	}
	return roaring.New()
}

func (c *column) compare(op index.Op, value any) *roaring.Bitmap {
	switch v := value.(type) {
	case string:
		if b := c.keywords[v]; b != nil {
			return b.Clone()
		}
	case bool:
		if v {
			return c.yes.Clone()
		}
		return roaring.AndNot(c.exists, c.yes)
	case float64:
		return c.numbers.compare(op, v)
	case time.Time:
		return c.times.compare(op, v.UnixMicro())
	}
	return roaring.New()
}

func (c *column) in(values []any) *roaring.Bitmap {
	out := roaring.New()
	numbers, times := make(map[float64]bool), make(map[int64]bool)
	for _, value := range values {
		switch v := value.(type) {
		case float64:
			numbers[v] = true
		case time.Time:
			times[v.UnixMicro()] = true
		default:
			out.Or(c.compare(index.Eq, value))
		}
	}
	c.numbers.addMembers(out, numbers)
	c.times.addMembers(out, times)
	return out
}

// mergeFields returns fields with the learned ones, leaving fields as it is.
func mergeFields(fields, learned map[string]index.FieldKind) map[string]index.FieldKind {
	out := make(map[string]index.FieldKind, len(fields)+len(learned))
	maps.Copy(out, fields)
	maps.Copy(out, learned)
	return out
}
