package model

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// tiny is a few tensors of several types.
func tiny() map[string]*Tensor {
	tensors := make(map[string]*Tensor)
	for _, d := range []DType{F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool} {
		tensors["t."+string(d)], _ = sample(d)
	}
	tensors["empty"] = NewF32("empty", []int{0, 3}, nil)
	tensors["scalar"] = NewF32("scalar", nil, []float32{4})
	return tensors
}

func TestTorchForms(t *testing.T) {
	for name, write := range map[string]func(map[string]*Tensor) []byte{"zip": torchZip, "stream": torchStream} {
		t.Run(name, func(t *testing.T) {
			want := tiny()
			got, err := readTorch(write(want))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				t.Errorf("%d tensors, want %d", len(got), len(want))
			}
			for name, w := range want {
				g := got[name]
				if g == nil || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
					t.Errorf("%s: %+v, want %+v", name, g, w)
				}
			}
		})
	}
}

// program is the zip form around one state of views into one storage "0".
func program(n int, vs ...view) []byte {
	p := newPickler()
	names := make([]string, len(vs))
	for i := range vs {
		names[i] = string(rune('a' + i))
	}
	p.state(names, vs, false)
	data := make([]byte, 0, 4*n)
	for i := range n {
		data = binary.LittleEndian.AppendUint32(data, uint32(i))
	}
	return archive(p.stop(), map[string][]byte{"0": data})
}

func TestTorchViews(t *testing.T) {
	transposed := view{key: "0", dtype: I32, n: 6, size: []int{3, 2}, strides: []int{1, 3}}
	part := view{key: "0", dtype: I32, n: 6, offset: 2, size: []int{2, 2}, strides: []int{2, 1}}
	got, err := readTorch(program(6, transposed, part))
	if err != nil {
		t.Fatal(err)
	}
	if v := got["a"].F32(); !slices.Equal(v, []float32{0, 3, 1, 4, 2, 5}) {
		t.Errorf("transposed: %v", v)
	}
	if v := got["b"].F32(); !slices.Equal(v, []float32{2, 3, 4, 5}) {
		t.Errorf("part: %v", v)
	}
}

func TestTorchBadViews(t *testing.T) {
	const huge = 1 << 39
	for name, v := range map[string]view{
		"beyond the end":     {offset: 3, size: []int{2, 2}, strides: []int{2, 1}},
		"far beyond":         {size: []int{2}, strides: []int{huge}},
		"negative offset":    {offset: -1, size: []int{2}, strides: []int{1}},
		"negative size":      {size: []int{-2}, strides: []int{1}},
		"negative stride":    {offset: 5, size: []int{2}, strides: []int{-1}},
		"expanded":           {size: []int{huge, huge}, strides: []int{0, 0}},
		"huge offset":        {offset: huge, size: []int{1}, strides: []int{1}},
		"overflowing extent": {size: []int{2, 2, 2}, strides: []int{huge, huge, huge}},
	} {
		v.key, v.dtype, v.n = "0", I32, 6
		if _, err := readTorch(program(6, v)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	t.Run("many copies of one storage", func(t *testing.T) {
		v := view{key: "0", dtype: I32, n: 6, size: []int{3, 2}, strides: []int{1, 3}}
		if _, err := readTorch(program(6, v, v)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("got %v", err)
		}
	})
}

// hostile are pickles that would do something in Python. ran must stay false.
func hostile() map[string]struct {
	program []byte
	global  string
} {
	call := func(module, name, arg string) []byte {
		p := newPickler()
		p.global(module, name)
		p.WriteByte('(')
		p.str(arg)
		p.WriteString("tR")
		return p.stop()
	}
	stackGlobal := newPickler()
	stackGlobal.str("posix")
	stackGlobal.str("system")
	stackGlobal.WriteString("\x93(")
	stackGlobal.str("id")
	stackGlobal.WriteString("tR")

	inside := newPickler() // among honest tensors
	inside.global("collections", "OrderedDict")
	inside.WriteString(")R")
	inside.str("weight")
	inside.global("builtins", "eval")
	inside.str("1")
	inside.WriteString("\x85Rs")

	return map[string]struct {
		program []byte
		global  string
	}{
		"os.system":       {call("os", "system", "id"), "os.system"},
		"builtins.exec":   {call("builtins", "exec", "pass"), "builtins.exec"},
		"python 2":        {call("__builtin__", "eval", "1"), "__builtin__.eval"},
		"runpy":           {call("runpy", "_run_code", "x"), "runpy._run_code"},
		"torch.load":      {call("torch", "load", "x"), "torch.load"},
		"nested name":     {call("torch._utils", "_rebuild_tensor_v2.__globals__", "x"), "torch._utils._rebuild_tensor_v2.__globals__"},
		"stack global":    {stackGlobal.stop(), "posix.system"},
		"in a state dict": {inside.stop(), "builtins.eval"},
		"INST":            {[]byte("\x80\x02(X\x02\x00\x00\x00idios\nsystem\n."), "opcode 0x69"},
		"OBJ":             {[]byte("\x80\x02(cos\nsystem\nX\x02\x00\x00\x00ido."), "os.system"},
		"NEWOBJ":          {[]byte("\x80\x02ccollections\nOrderedDict\n)\x81."), "opcode 0x81"},
		"extension":       {[]byte("\x80\x02\x82\x01."), "opcode 0x82"},
	}
}

func TestTorchHostile(t *testing.T) {
	for name, tt := range hostile() {
		t.Run(name, func(t *testing.T) {
			streamed := stream(tt.program, nil, nil)
			for _, data := range [][]byte{archive(tt.program, nil), streamed, tt.program} {
				_, err := readTorch(data)
				if !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), tt.global) {
					t.Errorf("got %v, want %s named", err, tt.global)
				}
			}
		})
	}
}

// TestTorchMalformed: lengths that lie, stacks that underflow, values of the
// wrong kind. None may allocate what it names, or panic.
func TestTorchMalformed(t *testing.T) {
	long := func(op byte, width int) []byte {
		return append([]byte{0x80, 2, op}, bytes.Repeat([]byte{0x7f}, width)...)
	}
	good := torchZip(tiny())
	goodStream := torchStream(tiny())
	tests := map[string][]byte{
		"nothing":                nil,
		"text":                   []byte("hello"),
		"a long string":          archive(long('X', 4), nil),
		"a longer string":        archive(long('\x8d', 8), nil),
		"a long frame":           archive(long('\x95', 8), nil),
		"a long integer":         archive(append(long('\x8a', 0), 200, 1, 2), nil),
		"an empty integer":       archive([]byte("\x80\x02\x8a\x00."), nil),
		"no end":                 archive([]byte("\x80\x02N"), nil),
		"empty program":          archive(nil, nil),
		"empty stack":            archive([]byte("\x80\x02."), nil),
		"pop of nothing":         archive([]byte("\x80\x0200."), nil),
		"call of nothing":        archive([]byte("\x80\x02R."), nil),
		"unknown memo":           archive([]byte("\x80\x02h\x07."), nil),
		"a number":               archive([]byte("\x80\x02K\x01."), nil),
		"a list in itself":       archive([]byte("\x80\x02]q\x00h\x00a."), nil),
		"dict with a dict key":   archive([]byte("\x80\x02ccollections\nOrderedDict\n)R}Ns."), nil),
		"bytes as a key":         archive([]byte("\x80\x02ccollections\nOrderedDict\n)RC\x01xNs."), nil),
		"a storage called":       archive([]byte("\x80\x02ctorch\nFloatStorage\n)R."), nil),
		"a bare persistent id":   archive([]byte("\x80\x02K\x01Q."), nil),
		"a zip of nothing":       archive(nil, nil)[:40],
		"a truncated zip":        good[:len(good)/2],
		"a truncated stream":     goodStream[:len(goodStream)-3],
		"a stream without data":  goodStream[:len(goodStream)/2],
		"a pickle, not of torch": []byte("\x80\x02}."),
	}
	p := newPickler()
	p.state([]string{"a"}, []view{{key: "0", dtype: F32, n: 1 << 38, size: []int{1}, strides: []int{1}}}, false)
	tests["a storage larger than its file"] = archive(p.stop(), map[string][]byte{"0": make([]byte, 4)})
	p = newPickler()
	p.state([]string{"a"}, []view{{key: "7", dtype: F32, n: 1, size: []int{1}, strides: []int{1}}}, false)
	tests["a storage that is not there"] = archive(p.stop(), nil)

	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create("archive/data.pkl") // deflated
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("\x80\x02}."))
	z.Close()
	tests["a compressed program"] = buf.Bytes()

	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := readTorch(data); !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	t.Run("TorchScript", func(t *testing.T) {
		var buf bytes.Buffer
		z := zip.NewWriter(&buf)
		z.Create("m/constants.pkl")
		z.Close()
		if _, err := readTorch(buf.Bytes()); !errors.Is(err, ErrUnsupported) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTorchCheckpoint(t *testing.T) {
	x, _ := sample(F32)
	p := newPickler()
	p.WriteString("}(")
	p.str("epoch")
	p.int(3)
	p.str("state_dict")
	p.state([]string{"w"}, []view{whole("0", x)}, false)
	p.WriteString("u")
	got, err := readTorch(archive(p.stop(), map[string][]byte{"0": x.Data}))
	if err != nil || got["w"] == nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// FuzzTorch: the reader never panics, and what it gives lies inside the file.
func FuzzTorch(f *testing.F) {
	f.Add(torchZip(tiny()))
	f.Add(torchStream(tiny()))
	for _, tt := range hostile() {
		f.Add(archive(tt.program, nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := readTorch(data)
		if err != nil {
			return
		}
		for name, x := range tensors {
			if len(x.Data) != x.Len()*x.DType.Size() {
				t.Errorf("%s: %d bytes for %s %v", name, len(x.Data), x.DType, x.Shape)
			}
		}
	})
}

// FuzzPickle runs the unpickler on bare programs, without an archive's
// checks around them.
func FuzzPickle(f *testing.F) {
	for _, tt := range hostile() {
		f.Add(tt.program)
	}
	names, vs, _ := views(tiny())
	p := newPickler()
	p.state(names, vs, false)
	f.Add(p.stop())
	f.Fuzz(func(t *testing.T, data []byte) {
		value, n, err := unpickle(data, storageID)
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsafe) {
			t.Errorf("an error of no kind: %v", err)
		}
		if n > len(data) || err == nil && n == 0 {
			t.Errorf("%T of %d bytes in %d", value, n, len(data))
		}
	})
}
