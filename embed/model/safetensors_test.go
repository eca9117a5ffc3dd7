package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	oracle "github.com/nlpodyssey/safetensors"
)

// file is a safetensors file of a header and n data bytes.
func file(header string, n int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	data = append(data, header...)
	return append(data, make([]byte, n)...)
}

// brokenSafetensors are files that must be refused, with a part of the message.
var brokenSafetensors = []struct {
	name string
	data []byte
	want string
}{
	{"empty", nil, "0 bytes"},
	{"seven bytes", make([]byte, 7), "7 bytes"},
	{"header longer than the file", file("{}", 0)[:9], "truncated"},
	{"huge header", binary.LittleEndian.AppendUint64(nil, 1<<63), "no safetensors file"},
	{"overflowing header", append(bytes.Repeat([]byte{0xff}, 8), "{}"...), "no safetensors file"},
	{"not JSON", file("PK\x03\x04", 0), "not a JSON object"},
	{"an array", file("[]", 0), "not a JSON object"},
	{"cut JSON", file(`{"a":{"dtype":"F32"`, 0), "header"},
	{"text after the object", file(`{} x`, 0), "header"},
	{"wrong metadata", file(`{"__metadata__":{"a":1}}`, 0), "__metadata__"},
	{"an entry that is no object", file(`{"a":3}`, 0), `"a"`},
	{"unknown type", file(`{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}`, 4), `unknown type "F7"`},
	{"no offsets", file(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "data_offsets"},
	{"three offsets", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, 4), "data_offsets"},
	{"reversed offsets", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), "data_offsets"},
	{"negative offset", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 4), `"a"`},
	{"negative dimension", file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4), `"a"`},
	{"fractional dimension", file(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), `"a"`},
	{"size too small", file(`{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,12]}}`, 12), "F32 [2 2] needs 16 bytes"},
	{"shape overflows", file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0), "too large"},
	{"product overflows", file(`{"a":{"dtype":"F64","shape":[1073741824,1073741824,8],"data_offsets":[0,0]}}`, 0), "too large"},
	{"overlap", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 6), `"b" begins at byte 2`},
	{"same place", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4), `"b" begins at byte 0`},
	{"hole", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}`, 5), "hole"},
	{"truncated data", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 3), "truncated"},
	{"trailing data", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 5), "1 bytes after the last tensor"},
	{"listed twice", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, 4), "listed twice"},
}

func TestSafetensorsBroken(t *testing.T) {
	for _, tt := range brokenSafetensors {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readSafetensors(tt.data)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestSafetensorsAccepts(t *testing.T) {
	tests := map[string]struct {
		data  []byte
		names int
	}{
		"no tensors":              {file(`{}`, 0), 0},
		"padded header":           {file(`{"__metadata__":{"format":"pt"}}       `, 0), 0},
		"empty tensor":            {file(`{"a":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}}`, 0), 1},
		"scalar":                  {file(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4), 1},
		"empty beside full":       {file(`{"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 4), 2},
		"not in the data's order": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[4,5]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 5), 2},
	}
	for name, tt := range tests {
		got, err := readSafetensors(tt.data)
		if err != nil || len(got) != tt.names {
			t.Errorf("%s: %d tensors, %v", name, len(got), err)
		}
	}
}

// TestSafetensorsWrite writes every type and lets the reader of another project
// read it.
func TestSafetensorsWrite(t *testing.T) {
	var tensors []stored
	want := make(map[string]*Tensor)
	for _, d := range []DType{F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, Bool} {
		x, _ := sample(d)
		want["t."+string(d)] = x
		tensors = append(tensors, stored{"t." + string(d), x, d})
	}
	var buf bytes.Buffer
	if err := writeSafetensors(&buf, tensors); err != nil {
		t.Fatal(err)
	}
	header := binary.LittleEndian.Uint64(buf.Bytes())
	if header%8 != 0 || !bytes.Contains(buf.Bytes()[8:8+header], []byte(`"__metadata__":{"format":"pt"}`)) {
		t.Errorf("header %s", buf.Bytes()[8:8+header])
	}
	other, err := oracle.Deserialize(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := readSafetensors(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		view, ok := other.Tensor(name)
		if !ok || view.DType().String() != string(w.DType) || !bytes.Equal(view.Data(), w.Data) || !slices.Equal(view.Shape(), []uint64{2, 4}) {
			t.Errorf("%s: the other reader has %v %v", name, view.DType(), view.Shape())
		}
		if got := ours[name]; got == nil || got.DType != w.DType || !bytes.Equal(got.Data, w.Data) || !slices.Equal(got.Shape, w.Shape) {
			t.Errorf("%s: we have %+v", name, got)
		}
	}
}

func TestSafetensorsConvert(t *testing.T) {
	values := make([]float32, 40000) // more than one piece
	for i := range values {
		values[i] = float32(i)/1000 - 17
	}
	x := NewF32("x", []int{100, 400}, values)
	for _, as := range []DType{F32, F16, BF16} {
		var buf bytes.Buffer
		if err := writeSafetensors(&buf, []stored{{"x", x, as}}); err != nil {
			t.Fatal(err)
		}
		got, err := readSafetensors(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		eps := map[DType]float64{F32: 0, F16: 0x1p-11, BF16: 0x1p-8}[as]
		for i, v := range got["x"].F32() {
			if d := math.Abs(float64(v - values[i])); d > eps*math.Abs(float64(values[i]))+0x1p-24 {
				t.Fatalf("%s: element %d is %v, want %v", as, i, v, values[i])
			}
		}
	}
	big := NewF32("big", []int{2}, []float32{1, 70000})
	err := writeSafetensors(&bytes.Buffer{}, []stored{{"big", big, F16}})
	if err == nil || !strings.Contains(err.Error(), "tensor big: 70000 does not fit in f16") {
		t.Errorf("got %v", err)
	}
	if err := writeSafetensors(&bytes.Buffer{}, []stored{{"x", x, F32}, {"x", big, F32}}); err == nil {
		t.Error("two tensors of one name were written")
	}
}

// FuzzSafetensors: the reader never panics, its tensors lie inside the file and
// have the bytes of their shape, and the other project's reader accepts all that
// ours accepts.
func FuzzSafetensors(f *testing.F) {
	for _, tt := range brokenSafetensors {
		f.Add(tt.data)
	}
	x, _ := sample(F16)
	var buf bytes.Buffer
	if err := writeSafetensors(&buf, []stored{{"x", x, F16}, {"y", x, F32}}); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := readSafetensors(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		total := 0
		for name, x := range tensors {
			if len(x.Data) != x.Len()*x.DType.Size() {
				t.Errorf("%s: %d bytes for %s %v", name, len(x.Data), x.DType, x.Shape)
			}
			total += len(x.Data)
		}
		if n := int(binary.LittleEndian.Uint64(data)); 8+n+total != len(data) {
			t.Errorf("%d bytes of header and %d of data in %d", n, total, len(data))
		}
		if _, err := oracle.Deserialize(data); err != nil {
			t.Errorf("the other reader: %v", err)
		}
	})
}
