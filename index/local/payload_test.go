package local

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"semdex/index"
	"semdex/index/local/vector"
)

func payloadRecord() index.Record {
	return index.Record{
		Document: index.Document{
			ID: "한글 id", Title: "제목", Text: "text 본문 🙂",
			Metadata: map[string]any{
				"s": "값", "e": "", "l": []string{"a", ""}, "n": -1.5, "i": math.MaxFloat64, "t": true, "f": false,
				"d": time.Date(1999, 1, 2, 3, 4, 5, 6000, time.UTC),
			},
		},
		Passages: []index.Passage{{Start: 0, End: 4, Vector: []float32{1, -2}}, {Start: 3, End: 9, Vector: []float32{0.5, 3e-9}}},
		Content:  [16]byte{1, 2, 3, 255},
	}
}

func TestPayloadRoundTrip(t *testing.T) {
	want := payloadRecord()
	payload, part := appendUpsert(nil, &want, 2)
	u, err := decodeUpsert(payload, 2)
	if err != nil || u.document != part {
		t.Fatalf("%d bytes, %v", u.document, err)
	}
	v := vector.NewRows(2)
	addEncoded(&v, u.vectors)
	for i := range u.Passages {
		u.Passages[i].Vector = v.At(i)
	}
	if !reflect.DeepEqual(u.Record, want) {
		t.Errorf("%+v\nwant %+v", u.Record, want)
	}
	if size := upsertSize(&want, 2); size < len(payload)-len(appendMetadata(nil, want.Metadata)) {
		t.Errorf("upsertSize %d for %d bytes", size, len(payload))
	}
	bare := payloadRecord()
	bare.Passages[0].Vector = nil
	payload, _ = appendUpsert(nil, &bare, 2)
	u, err = decodeUpsert(payload, 2)
	if err != nil || bytes.Contains(u.vectors, make([]byte, 4)) {
		t.Errorf("without a vector: %v, %v", u.vectors, err)
	}
	v = vector.NewRows(2)
	addEncoded(&v, u.vectors)
	if !v.Missing(0) || v.Missing(1) || !slices.Equal(v.At(1), bare.Passages[1].Vector) {
		t.Errorf("without a vector: %v", v.Len())
	}
	if _, err := decodeUpsert(payload, 3); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("other dimensions: %v", err)
	}
}

// No content makes the decoder panic or allocate beyond its input.
func FuzzDecodeDocument(f *testing.F) {
	r := payloadRecord()
	payload, part := appendUpsert(nil, &r, 2)
	f.Add(payload[documentHeaderSize : documentHeaderSize+part])
	f.Add([]byte{})
	f.Add(append(make([]byte, 16), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeDocument(b, checksum(b))
		if err != nil {
			if !errors.Is(err, index.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if r.ID == "" || len(r.Passages) == 0 {
			t.Fatalf("accepted %+v", r)
		}
	})
}
