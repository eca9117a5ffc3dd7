package train

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// ErrCheckpoint marks a checkpoint that is torn, damaged, of another format, or
// of another model or run.
var ErrCheckpoint = errors.New("unusable checkpoint")

// A checkpoint is one file: the magic, a little-endian uint32 version and header
// length, the header in JSON, then for every tensor its values and, where the
// header says so, its two moments, all float32 in little endian, and at the end
// the CRC-32C of everything before.
const (
	checkpointMagic   = "SDXTRAIN"
	checkpointVersion = 1
	maxHeader         = 64 << 20
)

// State is where a run stands. Everything random derives from the run's seed
// and these numbers, so they are all there is to resume.
type State struct {
	Step   int   `json:"step"`  // updates done
	Epoch  int   `json:"epoch"` // from 0
	Batch  int   `json:"batch"` // batches of the epoch done
	Tokens int64 `json:"tokens"`

	Evaluated bool    `json:"evaluated"` // Best is set
	Best      float64 `json:"best"`
	BestStep  int     `json:"best_step"`
	Worse     int     `json:"worse"` // evaluations since Best
}

type checkpointHeader struct {
	State    State              `json:"state"`
	Settings json.RawMessage    `json:"settings"`
	Tensors  []checkpointTensor `json:"tensors"`
}

type checkpointTensor struct {
	Name    string `json:"name"`
	Shape   []int  `json:"shape"`
	Moments bool   `json:"moments"`
}

// saveCheckpoint writes a checkpoint wholly or not at all: under another name,
// synced, then renamed.
func saveCheckpoint(name string, s State, settings any, params []Parameter, moments bool) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save checkpoint %s: %w", filepath.Base(name), err)
		}
	}()
	header := checkpointHeader{State: s}
	if header.Settings, err = json.Marshal(settings); err != nil {
		return err
	}
	for _, p := range params {
		_, has := p.State.(*Moments)
		header.Tensors = append(header.Tensors, checkpointTensor{p.Name, p.Dims, moments && has})
	}
	return writeAtomic(name, func(w io.Writer) error { return writeCheckpoint(w, &header, params) })
}

// writeAtomic replaces the file name by what write gives.
func writeAtomic(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".tmp-")
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if dir, err := os.Open(filepath.Dir(name)); err == nil {
		dir.Sync() // not possible on every system
		dir.Close()
	}
	return nil
}

func writeCheckpoint(to io.Writer, header *checkpointHeader, params []Parameter) error {
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	w := bufio.NewWriterSize(io.MultiWriter(to, sum), 1<<18)
	head := append([]byte(checkpointMagic), 0, 0, 0, 0, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(head[8:], checkpointVersion)
	binary.LittleEndian.PutUint32(head[12:], uint32(len(text)))
	w.Write(append(head, text...)) // bufio keeps the error for Flush
	for i, p := range params {
		writeFloats(w, p.Values)
		if header.Tensors[i].Moments {
			m := p.State.(*Moments)
			writeFloats(w, m.M)
			writeFloats(w, m.V)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = to.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func writeFloats(w *bufio.Writer, values []float32) {
	var buf [4]byte
	for _, v := range values {
		binary.LittleEndian.PutUint32(buf[:], math.Float32bits(v))
		w.Write(buf[:])
	}
}

// loadCheckpoint reads a checkpoint into params. Nothing is changed unless the
// file is whole and fits. If settings is not nil, it must be what the file was
// saved with. Errors wrap ErrCheckpoint, or fs.ErrNotExist.
func loadCheckpoint(name string, settings any, params []Parameter) (State, error) {
	f, err := os.Open(name)
	if err != nil {
		return State{}, fmt.Errorf("open checkpoint: %w", err)
	}
	defer f.Close()
	s, err := readCheckpoint(f, settings, params)
	if err != nil {
		return State{}, fmt.Errorf("%w %s: %w", ErrCheckpoint, filepath.Base(name), err)
	}
	return s, nil
}

func readCheckpoint(f io.ReadSeeker, settings any, params []Parameter) (State, error) {
	if err := verifySum(f); err != nil {
		return State{}, err
	}
	r := bufio.NewReaderSize(f, 1<<18)
	header, err := readHeader(r)
	if err != nil {
		return State{}, err
	}
	if err := header.fits(settings, params); err != nil {
		return State{}, err
	}
	for i, p := range params {
		if err := readFloats(r, p.Values); err != nil {
			return State{}, err
		}
		p.State = nil
		if header.Tensors[i].Moments {
			m := &Moments{M: make([]float32, len(p.Values)), V: make([]float32, len(p.Values))}
			if err := errors.Join(readFloats(r, m.M), readFloats(r, m.V)); err != nil {
				return State{}, err
			}
			p.Param.State = m
		}
	}
	return header.State, nil
}

// verifySum reads the whole file once and rewinds it.
func verifySum(f io.ReadSeeker) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size < 20 {
		return errors.New("the file is cut short")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var sum hash.Hash32 = crc32.New(castagnoli)
	if _, err := io.CopyN(sum, f, size-4); err != nil {
		return err
	}
	var stored [4]byte
	if _, err := io.ReadFull(f, stored[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(stored[:]) != sum.Sum32() {
		return errors.New("the checksum does not match: the file is torn or damaged")
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

func readHeader(r io.Reader) (*checkpointHeader, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if string(head[:8]) != checkpointMagic {
		return nil, errors.New("it is no checkpoint")
	}
	if v := binary.LittleEndian.Uint32(head[8:]); v != checkpointVersion {
		return nil, fmt.Errorf("its format is version %d, this program reads %d", v, checkpointVersion)
	}
	n := binary.LittleEndian.Uint32(head[12:])
	if n > maxHeader {
		return nil, fmt.Errorf("its header has %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	header := new(checkpointHeader)
	if err := json.Unmarshal(text, header); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	return header, nil
}

// fits verifies that the checkpoint is of these parameters and settings.
func (h *checkpointHeader) fits(settings any, params []Parameter) error {
	if len(h.Tensors) != len(params) {
		return fmt.Errorf("it holds %d tensors, the model has %d", len(h.Tensors), len(params))
	}
	for i, p := range params {
		if t := h.Tensors[i]; t.Name != p.Name || !slices.Equal(t.Shape, p.Dims) {
			return fmt.Errorf("it holds %s %v where the model has %s %v", t.Name, t.Shape, p.Name, p.Dims)
		}
	}
	if settings == nil {
		return nil
	}
	return sameSettings(h.Settings, settings)
}

// sameSettings names the first setting that differs.
func sameSettings(saved json.RawMessage, settings any) error {
	text, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	var a, b map[string]any
	if err := errors.Join(json.Unmarshal(saved, &a), json.Unmarshal(text, &b)); err != nil {
		return fmt.Errorf("its settings: %w", err)
	}
	var keys []string
	for k := range b {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if a[k] != b[k] {
			return fmt.Errorf("it is of a run with %s %v, this one has %v", k, a[k], b[k])
		}
	}
	return nil
}

func readFloats(r io.Reader, values []float32) error {
	var buf [4 * 1024]byte
	for len(values) > 0 {
		n := min(len(values), len(buf)/4)
		if _, err := io.ReadFull(r, buf[:4*n]); err != nil {
			return err
		}
		for i := range values[:n] {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(buf[4*i:]))
		}
		values = values[n:]
	}
	return nil
}
