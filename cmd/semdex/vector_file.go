package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"

	"semdex/embed"
	"semdex/internal/progress"
)

// vectorFile keeps vectors of a fixed number of dimensions on disk: a header that
// names the encoder and the texts, then the vectors, float32 in little endian.
// What an interrupted process wrote of it is taken up again.
type vectorFile struct {
	f    *os.File
	dims int
	buf  []byte
}

// vectorMagic begins a file of vectors; the SHA-256 of what they are of follows.
const vectorMagic = "SDXVECT1"

const vectorHeader = int64(len(vectorMagic) + sha256.Size)

// openVectors opens the file of what key describes and tells how many vectors
// of it are there. A file of something else is begun anew.
func openVectors(path string, key [sha256.Size]byte, dims, most int) (v *vectorFile, done int, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, 0, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, 0, err
	}
	v = &vectorFile{f: f, dims: dims, buf: make([]byte, 4*dims)}
	header := append([]byte(vectorMagic), key[:]...)
	have := make([]byte, vectorHeader)
	if n, _ := f.ReadAt(have, 0); int64(n) == vectorHeader && bytes.Equal(have, header) {
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		done = min(most, int((info.Size()-vectorHeader)/int64(4*dims)))
		return v, done, nil
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt(header, 0)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return v, 0, nil
}

// write stores vectors from number first on.
func (v *vectorFile) write(first int, vectors [][]float32) error {
	raw := make([]byte, 0, len(vectors)*4*v.dims)
	for _, x := range vectors {
		for _, y := range x {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(y))
		}
	}
	_, err := v.f.WriteAt(raw, vectorHeader+int64(first)*int64(4*v.dims))
	return err
}

// read gives vector i. It is for one goroutine.
func (v *vectorFile) read(dst []float32, i int) error {
	if _, err := v.f.ReadAt(v.buf, vectorHeader+int64(i)*int64(4*v.dims)); err != nil {
		return fmt.Errorf("read %s: %w", v.f.Name(), err)
	}
	for j := range dst {
		dst[j] = math.Float32frombits(binary.LittleEndian.Uint32(v.buf[4*j:]))
	}
	return nil
}

// Close implements io.Closer.
func (v *vectorFile) Close() error { return v.f.Close() }

// teach lets the teacher encode its texts, as far as that has not been done.
func (a *app) teach(ctx context.Context, r *sentenceRun) (*vectorFile, error) {
	texts := r.text.teacher
	// A student that ends with normalisation is compared with normalised vectors.
	o := embed.EncodeOptions{Raw: !r.net.Normalize}
	v, done, err := openVectors(r.f.vectors, vectorKey(r.teacher, o, texts), r.teacher.Dims(), len(texts))
	if err != nil {
		return nil, fmt.Errorf("the teacher's vectors: %w", err)
	}
	if done > 0 {
		a.note("%s of %s are in %s already", progress.Count(int64(done)), count(len(texts), "teacher's vector"), r.f.vectors)
	}
	if err := a.encodeInto(ctx, v, r.teacher, o, texts, done); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

func (a *app) encodeInto(ctx context.Context, v *vectorFile, m *embed.Model, o embed.EncodeOptions, texts []string, done int) error {
	const batch = 1024
	var at atomic.Int64
	bar := a.progress("teacher encodes", func() progress.State { return progress.State{Done: at.Load(), Total: int64(len(texts))} })
	defer bar.Stop()
	for lo := done; lo < len(texts); lo += batch {
		at.Store(int64(lo))
		part := texts[lo:min(len(texts), lo+batch)]
		r, err := m.Encode(ctx, part, o)
		if err != nil {
			return fmt.Errorf("teacher: %w", err)
		}
		if err := v.write(lo, r.Vectors); err != nil {
			return fmt.Errorf("the teacher's vectors: %w", err)
		}
	}
	return nil
}

// vectorKey names a teacher, how it encodes, and the texts in their order.
func vectorKey(m *embed.Model, o embed.EncodeOptions, texts []string) [sha256.Size]byte {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s raw=%t\n", m.Fingerprint(), o.Raw)
	for _, t := range texts {
		_, _ = fmt.Fprintf(h, "%d %s\n", len(t), t)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
