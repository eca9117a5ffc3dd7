package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"semdex/index/local/postings"
)

// The segments of the text leg are ours: bleve keeps the account of them, on disk
// and while they change, and says which to merge. To make segments of its own form took
// half of the time of filling a collection (docs/adr/0007-segments-of-our-own.md).
const (
	segmentType    = "semdex"
	segmentVersion = 1
)

// bleve knows the types of segments that a program has, its own among them, by a
// register of the process.
func init() { scorch.RegisterSegmentPlugin(segmentPlugin{}, false) }

// segmentPlugin implements scorch.SegmentPlugin.
type segmentPlugin struct{}

var _ scorch.SegmentPlugin = segmentPlugin{}

func (segmentPlugin) Type() string    { return segmentType }
func (segmentPlugin) Version() uint32 { return segmentVersion }

func (p segmentPlugin) New(docs []bleveindex.Document) (segment.Segment, uint64, error) {
	return p.NewUsing(docs, nil)
}

// NewUsing makes a segment of a tail: to bleve it comes as one document.
func (segmentPlugin) NewUsing(docs []bleveindex.Document, _ map[string]any) (segment.Segment, uint64, error) {
	if len(docs) != 1 {
		return nil, 0, fmt.Errorf("text leg: a segment of %d tails", len(docs))
	}
	d, ok := docs[0].(*tailDocument)
	if !ok {
		return nil, 0, fmt.Errorf("text leg: a segment of %T", docs[0])
	}
	var out bytes.Buffer
	if err := d.tail.writeSegment(&out); err != nil {
		return nil, 0, err
	}
	s, err := postings.Open(out.Bytes())
	if err != nil {
		return nil, 0, err
	}
	return &memorySegment{newTextSegment(s, nil)}, uint64(s.Size()), nil
}

func (p segmentPlugin) Open(path string) (segment.Segment, error) { return p.OpenUsing(path, nil) }

func (segmentPlugin) OpenUsing(path string, _ map[string]any) (segment.Segment, error) {
	data, unmap, err := mapFile(osFS{}, path)
	if err != nil {
		return nil, err
	}
	s, err := postings.Open(data)
	if err != nil {
		if unmap != nil {
			err = errors.Join(err, unmap())
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &fileSegment{newTextSegment(s, unmap), path}, nil
}

func (p segmentPlugin) Merge(segments []segment.Segment, drops []*roaring.Bitmap, path string, closed chan struct{}, r segment.StatsReporter) ([][]uint64, uint64, error) {
	return p.MergeUsing(segments, drops, path, closed, r, nil)
}

func (segmentPlugin) MergeUsing(segments []segment.Segment, drops []*roaring.Bitmap, path string, closed chan struct{}, _ segment.StatsReporter, _ map[string]any) (numbers [][]uint64, size uint64, err error) {
	sources := make([]postings.Source, len(segments))
	for i, s := range segments {
		own, ok := s.(interface{ content() *postings.Segment })
		if !ok {
			return nil, 0, fmt.Errorf("text leg: a %T to merge", s)
		}
		sources[i] = postings.Source{Segment: own.content(), Drop: drops[i]}
	}
	stop := func() error {
		select {
		case <-closed:
			return segment.ErrClosed
		default:
			return nil
		}
	}
	written, err := writeDurably(path, func(w io.Writer) (err error) {
		numbers, err = postings.Merge(w, sources, stop)
		return err
	})
	if errors.Is(err, segment.ErrClosed) { // bleve looks for just this
		return nil, 0, segment.ErrClosed
	}
	return numbers, uint64(written), err
}

// writeDurably makes a file that is either whole and on disk or not there. Nobody
// syncs its folder: after a power cut the leg may be without it, and is made anew.
func writeDurably(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, errors.Join(err, ignoreMissing(os.Remove(path)))
	}
	return size, nil
}

// textSegment is what segments in memory and in files have in common. The methods
// that only bleve's own searches would call find nothing.
type textSegment struct {
	*postings.Segment
	refs  atomic.Int64
	unmap func() error
}

func newTextSegment(s *postings.Segment, unmap func() error) *textSegment {
	t := &textSegment{Segment: s, unmap: unmap}
	t.refs.Store(1)
	return t
}

func (t *textSegment) content() *postings.Segment { return t.Segment }

func (t *textSegment) AddRef() { t.refs.Add(1) }

func (t *textSegment) DecRef() error {
	if t.refs.Add(-1) == 0 && t.unmap != nil {
		return t.unmap()
	}
	return nil
}

func (t *textSegment) Close() error  { return t.DecRef() }
func (t *textSegment) Count() uint64 { return uint64(t.Passages()) }

func (t *textSegment) DocID(n uint64) ([]byte, error) {
	if n >= t.Count() {
		return nil, errBeyond
	}
	return []byte(textKeyOf(t.Key(int(n))).String()), nil
}

// DocNumbers finds passages by their keys. The document that a tail came as has
// none.
func (t *textSegment) DocNumbers(ids []string) (*roaring.Bitmap, error) {
	found := roaring.New()
	for _, id := range ids {
		if k, ok := parseTextKey([]byte(id)); ok {
			if n, ok := t.Number(k.key()); ok {
				found.Add(uint32(n))
			}
		}
	}
	return found, nil
}

func (t *textSegment) Fields() []string { return nil }

func (t *textSegment) Dictionary(string) (segment.TermDictionary, error) {
	return nil, errors.ErrUnsupported
}

func (t *textSegment) VisitStoredFields(uint64, segment.StoredFieldValueVisitor) error { return nil }
func (t *textSegment) BytesRead() uint64                                               { return 0 }
func (t *textSegment) ResetBytesRead(uint64)                                           {}
func (t *textSegment) BytesWritten() uint64                                            { return uint64(t.Size()) }

// memorySegment implements segment.UnpersistedSegment.
type memorySegment struct{ *textSegment }

var _ segment.UnpersistedSegment = (*memorySegment)(nil)

func (m *memorySegment) Persist(path string) error {
	_, err := writeDurably(path, func(w io.Writer) error {
		_, err := w.Write(m.Bytes())
		return err
	})
	return err
}

// fileSegment implements segment.PersistedSegment.
type fileSegment struct {
	*textSegment
	path string
}

var _ segment.PersistedSegment = (*fileSegment)(nil)

func (f *fileSegment) Path() string { return f.path }

// writeSegment writes the passages that are not skipped.
func (t *textTail) writeSegment(w io.Writer) error {
	keys := make([]postings.Key, 0, len(t.keys))
	numbers := make([]uint32, len(t.keys))
	for i, k := range t.keys {
		numbers[i] = uint32(len(keys))
		if !t.skips(uint32(i)) {
			keys = append(keys, k.key())
		}
	}
	return postings.WriteRuns(w, t.runs, keys, func(passage uint32) (uint32, bool) {
		return numbers[passage], !t.skips(passage)
	})
}

func (t *textTail) skips(passage uint32) bool {
	return t.skipped != nil && t.skipped.Contains(passage)
}

// tailDocument is a tail as bleve's index.Document, without any field.
type tailDocument struct{ tail *textTail }

var _ bleveindex.Document = (*tailDocument)(nil)

// ID is no passage's key.
func (d *tailDocument) ID() string { return "tail" }
func (d *tailDocument) Size() int  { return 8 * d.tail.size }

func (d *tailDocument) VisitFields(bleveindex.FieldVisitor)             {}
func (d *tailDocument) VisitComposite(bleveindex.CompositeFieldVisitor) {}
func (d *tailDocument) HasComposite() bool                              { return false }
func (d *tailDocument) NumPlainTextBytes() uint64                       { return 0 }
func (d *tailDocument) AddIDField()                                     {}
func (d *tailDocument) StoredFieldsBytes() uint64                       { return 0 }
func (d *tailDocument) Indexed() bool                                   { return true }
