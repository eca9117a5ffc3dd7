package local

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"semdex/index"
)

// The payload of an upsert is a document part and the vectors:
//
//	document length u32, checksum of the document part u32
//	document: content [16], id, title, text, metadata, passages, and from
//	    format 2 on, if the document has a list of headings, headings
//	vectors: passages x dims float32; for a passage without one every bit is set,
//	for zeros would look like a sector that was never written
//
// The document part has a checksum of its own, so that a search can read it
// alone. Strings are a uvarint length and bytes; metadata is a uvarint count
// and, by name, name, kind byte and value; passages are a uvarint count and
// uvarint start and end of each, headings likewise with level.
const documentHeaderSize = 8

// Kinds of metadata values.
const (
	valueString byte = 's'
	valueList   byte = 'l'
	valueNumber byte = 'n'
	valueTrue   byte = 't'
	valueFalse  byte = 'f'
	valueTime   byte = 'd' // microseconds since 1970
)

// noVector stands for each value of a vector that is missing: a NaN, which no
// vector has.
const noVector = math.MaxUint32

// appendUpsert appends the payload of r, whose metadata is normalised and whose
// vectors have dims values, and returns the length of the document part.
func appendUpsert(dst []byte, r *index.Record, dims int) (payload []byte, document int) {
	at := len(dst)
	dst = append(dst, make([]byte, documentHeaderSize)...)
	dst = append(dst, r.Content[:]...)
	dst = appendString(dst, r.ID)
	dst = appendString(dst, r.Title)
	dst = appendString(dst, r.Text)
	dst = appendMetadata(dst, r.Metadata)
	dst = binary.AppendUvarint(dst, uint64(len(r.Passages)))
	for _, p := range r.Passages {
		dst = binary.AppendUvarint(dst, uint64(p.Start))
		dst = binary.AppendUvarint(dst, uint64(p.End))
	}
	if r.Headings != nil {
		dst = binary.AppendUvarint(dst, uint64(len(r.Headings)))
		for _, h := range r.Headings {
			dst = binary.AppendUvarint(dst, uint64(h.Start))
			dst = binary.AppendUvarint(dst, uint64(h.End))
			dst = binary.AppendUvarint(dst, uint64(h.Level))
		}
	}
	part := dst[at+documentHeaderSize:]
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(part)))
	binary.LittleEndian.PutUint32(dst[at+4:], checksum(part))
	for _, p := range r.Passages {
		if p.Vector == nil {
			for range dims {
				dst = binary.LittleEndian.AppendUint32(dst, noVector)
			}
		}
		for _, x := range p.Vector {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
		}
	}
	return dst, len(part)
}

// upsertSize is an upper bound of what appendUpsert appends, metadata aside.
func upsertSize(r *index.Record, dims int) int {
	size := documentHeaderSize + len(r.Content) + len(r.ID) + len(r.Title) + len(r.Text) + 64
	size += len(r.Headings) * 3 * binary.MaxVarintLen64
	return size + len(r.Passages)*(2*binary.MaxVarintLen64+4*dims)
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendMetadata(dst []byte, metadata map[string]any) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(metadata)))
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		dst = appendString(dst, name)
		switch v := metadata[name].(type) {
		case string:
			dst = appendString(append(dst, valueString), v)
		case []string:
			dst = binary.AppendUvarint(append(dst, valueList), uint64(len(v)))
			for _, s := range v {
				dst = appendString(dst, s)
			}
		case float64:
			dst = binary.LittleEndian.AppendUint64(append(dst, valueNumber), math.Float64bits(v))
		case bool:
			if v {
				dst = append(dst, valueTrue)
			} else {
				dst = append(dst, valueFalse)
			}
		case time.Time:
			dst = binary.AppendVarint(append(dst, valueTime), v.UnixMicro())
		}
	}
	return dst
}

// upsert is a decoded payload. Its strings are copies.
type upsert struct {
	index.Record
	document int    // length of the document part
	vectors  []byte // of all passages; part of the payload
}

// decodeUpsert reads a payload; dims is what each vector must have.
func decodeUpsert(payload []byte, dims int) (u upsert, err error) {
	if len(payload) < documentHeaderSize {
		return u, errPayload
	}
	length := int(binary.LittleEndian.Uint32(payload))
	rest := payload[documentHeaderSize:]
	if length > len(rest) {
		return u, errPayload
	}
	u.Record, err = decodeDocument(rest[:length], binary.LittleEndian.Uint32(payload[4:]))
	if err != nil {
		return u, err
	}
	u.document, u.vectors = length, rest[length:]
	if len(u.vectors) != 4*dims*len(u.Passages) {
		return u, fmt.Errorf("%w: %d passages have %d bytes of vectors", errPayload, len(u.Passages), len(u.vectors))
	}
	return u, nil
}

// errPayload is a frame that is whole but does not make sense.
var errPayload = fmt.Errorf("%w: a frame has impossible content", index.ErrCorrupt)

// decodeDocument reads a document part and checks it against its checksum.
func decodeDocument(b []byte, sum uint32) (r index.Record, err error) {
	if checksum(b) != sum || len(b) < len(r.Content) {
		return r, errPayload
	}
	d := decoder{rest: b[copy(r.Content[:], b):]}
	r.ID, r.Title, r.Text = d.string(), d.string(), d.string()
	r.Metadata = d.metadata()
	r.Passages = make([]index.Passage, d.count(2))
	for i := range r.Passages {
		r.Passages[i].Start, r.Passages[i].End = int(d.uvarint()), int(d.uvarint())
	}
	if len(d.rest) > 0 {
		r.Headings = make([]index.Heading, d.count(3))
		for i := range r.Headings {
			r.Headings[i] = index.Heading{Start: int(d.uvarint()), End: int(d.uvarint()), Level: int(d.uvarint())}
		}
	}
	if d.failed || len(d.rest) != 0 || r.ID == "" || len(r.Passages) == 0 {
		return r, errPayload
	}
	return r, nil
}

// decoder reads values one after the other; after a failure it gives zeros.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) fail() { d.rest, d.failed = nil, true }

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count reads a number of things that take at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.rest)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) string() string { return string(d.take(d.uvarint())) }

func (d *decoder) metadata() map[string]any {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	m := make(map[string]any, n)
	for range n {
		name := d.string()
		m[name] = d.value()
	}
	return m
}

func (d *decoder) value() any {
	kind := d.take(1)
	if d.failed {
		return nil
	}
	switch kind[0] {
	case valueString:
		return d.string()
	case valueList:
		list := make([]string, d.count(1))
		for i := range list {
			list[i] = d.string()
		}
		return list
	case valueNumber:
		if b := d.take(8); b != nil {
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case valueTrue, valueFalse:
		return kind[0] == valueTrue
	case valueTime:
		v, n := binary.Varint(d.rest)
		if n > 0 {
			d.rest = d.rest[n:]
			return time.UnixMicro(v).UTC()
		}
		d.fail()
	default:
		d.fail()
	}
	return nil
}

// appendFields appends the payload of a fields frame.
func appendFields(dst []byte, fields map[string]index.FieldKind) []byte {
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err) // strings only
	}
	return append(dst, b...)
}

func decodeFields(payload []byte) (fields map[string]index.FieldKind, err error) {
	if err := json.Unmarshal(payload, &fields); err != nil {
		return nil, fmt.Errorf("%w: %w", errPayload, err)
	}
	return fields, nil
}
