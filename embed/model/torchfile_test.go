package model

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// pickler writes protocol 2 as Python's pickle would, as far as torch.save
// needs it.
type pickler struct{ bytes.Buffer }

func newPickler() *pickler {
	p := new(pickler)
	p.WriteString("\x80\x02")
	return p
}

func (p *pickler) global(module, name string) { fmt.Fprintf(p, "c%s\n%s\n", module, name) }

func (p *pickler) str(s string) {
	p.WriteByte('X')
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
}

func (p *pickler) int(n int) {
	switch {
	case n >= 0 && n < 256:
		p.Write([]byte{'K', byte(n)})
	case n >= 0 && n < 1<<16:
		p.Write(binary.LittleEndian.AppendUint16([]byte{'M'}, uint16(n)))
	case n == int(int32(n)):
		p.Write(binary.LittleEndian.AppendUint32([]byte{'J'}, uint32(n)))
	default:
		p.Write(binary.LittleEndian.AppendUint64([]byte{'\x8a', 8}, uint64(n)))
	}
}

func (p *pickler) ints(values []int) {
	p.WriteByte('(')
	for _, v := range values {
		p.int(v)
	}
	p.WriteByte('t')
}

// storageNames is storageTypes the other way round.
var storageNames = func() map[DType]string {
	names := make(map[DType]string)
	for global, d := range storageTypes {
		names[d] = global[len("torch."):]
	}
	return names
}()

// view is a tensor as torch stores it.
type view struct {
	key     string // of the storage
	dtype   DType
	n       int // elements of the storage
	offset  int
	size    []int
	strides []int
}

// whole is the view of a contiguous tensor.
func whole(key string, t *Tensor) view {
	v := view{key: key, dtype: t.DType, n: t.Len(), size: t.Shape, strides: make([]int, len(t.Shape))}
	stride := 1
	for i := len(t.Shape) - 1; i >= 0; i-- {
		v.strides[i] = stride
		stride *= t.Shape[i]
	}
	return v
}

// tensor writes _rebuild_tensor_v2 of v; stream adds the view metadata of the
// older form.
func (p *pickler) tensor(v view, stream bool) {
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.WriteString("((")
	p.str("storage")
	p.global("torch", storageNames[v.dtype])
	p.str(v.key)
	p.str("cpu")
	p.int(v.n)
	if stream {
		p.WriteByte('N')
	}
	p.WriteString("tQ")
	p.int(v.offset)
	p.ints(v.size)
	p.ints(v.strides)
	p.WriteByte('\x89')
	p.global("collections", "OrderedDict")
	p.WriteString(")RtR")
}

// state writes an OrderedDict of the views, with the _metadata attribute that
// torch adds.
func (p *pickler) state(names []string, views []view, stream bool) {
	p.global("collections", "OrderedDict")
	p.WriteString(")Rq\x00(")
	for i, name := range names {
		p.str(name)
		p.tensor(views[i], stream)
	}
	p.WriteByte('u')
	p.WriteByte('}')
	p.str("_metadata")
	p.global("collections", "OrderedDict")
	p.WriteString(")Rsb")
}

// stop ends the pickle.
func (p *pickler) stop() []byte {
	p.WriteByte('.')
	return p.Bytes()
}

// archive is the zip form with the given program.
func archive(program []byte, storages map[string][]byte) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	add := func(name string, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			panic(err)
		}
	}
	add("data.pkl", program)
	for _, key := range slices.Sorted(maps.Keys(storages)) {
		add("data/"+key, storages[key])
	}
	add("version", []byte("3\n"))
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// views lays each tensor into a storage of its own.
func views(tensors map[string]*Tensor) (names []string, vs []view, storages map[string][]byte) {
	storages = make(map[string][]byte)
	names = slices.Sorted(maps.Keys(tensors))
	for i, name := range names {
		key := fmt.Sprint(i)
		vs = append(vs, whole(key, tensors[name]))
		storages[key] = tensors[name].Data
	}
	return names, vs, storages
}

// torchZip is what torch.save writes since 1.6.
func torchZip(tensors map[string]*Tensor) []byte {
	names, vs, storages := views(tensors)
	p := newPickler()
	p.state(names, vs, false)
	return archive(p.stop(), storages)
}

// torchStream is what torch.save wrote before.
func torchStream(tensors map[string]*Tensor) []byte {
	names, vs, storages := views(tensors)
	p := newPickler()
	p.state(names, vs, true)
	return stream(p.stop(), storages, vs)
}

// stream is the older form with the given program.
func stream(program []byte, storages map[string][]byte, vs []view) []byte {
	var out bytes.Buffer
	magic := streamMagic.Bytes() // big endian, positive
	slices.Reverse(magic)
	out.WriteString("\x80\x02\x8a\x0a")
	out.Write(magic)
	out.WriteString(".")
	version := newPickler()
	version.int(streamVersion)
	out.Write(version.stop())
	system := newPickler()
	system.WriteString("}(")
	system.str("protocol_version")
	system.int(streamVersion)
	system.str("little_endian")
	system.WriteString("\x88u")
	out.Write(system.stop())
	out.Write(program)
	keys := newPickler()
	keys.WriteString("](")
	for _, v := range vs {
		keys.str(v.key)
	}
	keys.WriteByte('e')
	out.Write(keys.stop())
	for _, v := range vs {
		out.Write(binary.LittleEndian.AppendUint64(nil, uint64(v.n)))
		out.Write(storages[v.key])
	}
	return out.Bytes()
}
