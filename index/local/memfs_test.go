package local

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// memFS is a file system that knows what a crash may take: what was written
// after the last Sync of a file and what was named after the last SyncDir of a
// folder. Any step that changes something can be made to fail.
type memFS struct {
	mu      sync.Mutex
	names   map[string]*memFile // nil for folders
	durable map[string]*memFile // names as of the last SyncDir

	steps  int   // changes so far
	failAt int   // the step that fails; 0 for none
	last   int   // the last step that fails, failAt if 0
	err    error // how
}

type memFile struct {
	fs     *memFS
	data   []byte
	synced []byte
}

func newMemFS() *memFS {
	return &memFS{names: make(map[string]*memFile), durable: make(map[string]*memFile)}
}

// step counts a change, and fails if it is its turn; mu is held.
func (m *memFS) step() error {
	m.steps++
	if m.failAt > 0 && m.steps >= m.failAt && m.steps <= max(m.last, m.failAt) {
		return m.err
	}
	return nil
}

// fail makes the steps from the n-th after this one up to the m-th fail.
func (m *memFS) fail(from, to int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failAt, m.last, m.err = m.steps+from, m.steps+to, err
}

func (m *memFS) heal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failAt = 0
}

// put replaces a file, durably.
func (m *memFS) put(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &memFile{fs: m, data: slices.Clone(data), synced: slices.Clone(data)}
	m.names[name], m.durable[name] = f, f
}

// crash returns a file system with what a crash might leave of this one.
func (m *memFS) crash(rng *rand.Rand) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := newMemFS()
	all := maps.Clone(m.durable)
	maps.Copy(all, m.names)
	contents := make(map[*memFile][]byte)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		from := m.durable
		if rng.IntN(2) == 0 {
			from = m.names
		}
		f, ok := from[name]
		if !ok {
			continue
		}
		if f == nil {
			out.names[name], out.durable[name] = nil, nil
			continue
		}
		if contents[f] == nil {
			contents[f] = f.afterCrash(rng)
		}
		b := slices.Clone(contents[f])
		g := &memFile{fs: out, data: b, synced: slices.Clone(b)}
		out.names[name], out.durable[name] = g, g
	}
	// A folder that is there has the folders above it.
	for name := range maps.Clone(out.names) {
		for dir := filepath.Dir(name); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			if _, ok := out.names[dir]; ok {
				break
			}
			if _, ok := all[dir]; ok {
				out.names[dir], out.durable[dir] = nil, nil
			}
		}
	}
	return out
}

// afterCrash is what may be left of a file: its synced content, or some of the
// sectors written since, up to some length.
func (f *memFile) afterCrash(rng *rand.Rand) []byte {
	if slices.Equal(f.data, f.synced) || rng.IntN(3) == 0 {
		return f.synced
	}
	if len(f.data) < len(f.synced) { // it was cut
		return f.data
	}
	b := slices.Clone(f.data)
	if rng.IntN(2) == 0 {
		b = b[:len(f.synced)+rng.IntN(len(b)-len(f.synced)+1)]
	}
	for at := len(f.synced); at < len(b); {
		n := min(sector-at%sector, len(b)-at)
		if rng.IntN(3) == 0 {
			clear(b[at : at+n])
		}
		at += n
	}
	return b
}

func (m *memFS) Create(name string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return nil, err
	}
	if _, ok := m.names[name]; ok {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	f := &memFile{fs: m}
	m.names[name] = f
	return f, nil
}

func (m *memFS) OpenWrite(name string) (file, error) { return m.Open(name) }

func (m *memFS) Open(name string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.names[name]; f != nil {
		return f, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (m *memFS) ReadFile(name string) ([]byte, error) {
	f, err := m.Open(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(f.(*memFile).data), nil
}

func (m *memFS) ReadDir(name string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for n := range m.names {
		if filepath.Dir(n) == name {
			names = append(names, filepath.Base(n))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *memFS) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	if _, ok := m.names[name]; ok {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	m.names[name] = nil
	return nil
}

func (m *memFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	if _, ok := m.names[from]; !ok {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	for name, f := range maps.Clone(m.names) {
		if name == from || strings.HasPrefix(name, from+string(filepath.Separator)) {
			delete(m.names, name)
			m.names[to+name[len(from):]] = f
			if name != from { // what is in a folder moves with it, durably
				if d, ok := m.durable[name]; ok {
					delete(m.durable, name)
					m.durable[to+name[len(from):]] = d
				}
			}
		}
	}
	return nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	if _, ok := m.names[name]; !ok {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.names, name)
	return nil
}

func (m *memFS) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	for n := range maps.Clone(m.names) {
		if n == name || strings.HasPrefix(n, name+string(filepath.Separator)) {
			delete(m.names, n)
		}
	}
	return nil
}

func (m *memFS) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	for n := range maps.Clone(m.durable) {
		if filepath.Dir(n) == name {
			delete(m.durable, n)
		}
	}
	for n, f := range m.names {
		if filepath.Dir(n) == name {
			m.durable[n] = f
		}
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes half of p when it fails.
func (f *memFile) WriteAt(p []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.step()
	if errors.Is(err, errCrash) {
		return 0, err
	}
	if err != nil {
		p = p[:len(p)/2]
	}
	if need := int(at) + len(p) - len(f.data); need > 0 {
		f.data = append(f.data, make([]byte, need)...)
	}
	return copy(f.data[at:], p), err
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return err
	}
	if size > int64(len(f.data)) {
		return syscall.EINVAL
	}
	f.data = f.data[:size:size]
	return nil
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return err
	}
	f.synced = slices.Clone(f.data)
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memFile) Close() error { return nil }
