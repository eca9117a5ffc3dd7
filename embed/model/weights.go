package model

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// The weight files of a module folder, in the order of preference.
const (
	safetensorsFile  = "model.safetensors"
	safetensorsIndex = "model.safetensors.index.json"
	torchFile        = "pytorch_model.bin"
	torchIndex       = "pytorch_model.bin.index.json"
)

// weights reads all tensors of the module in folder dir ("" is the root),
// whatever their storage.
func (s *source) weights(dir string) (map[string]*Tensor, error) {
	readers := []struct {
		name string
		read func(string) (map[string]*Tensor, error)
	}{
		{safetensorsFile, s.safetensors},
		{safetensorsIndex, func(n string) (map[string]*Tensor, error) { return s.shards(n, s.safetensors) }},
		{torchFile, s.torch},
		{torchIndex, func(n string) (map[string]*Tensor, error) { return s.shards(n, s.torch) }},
	}
	for _, r := range readers {
		name := path.Join(dir, r.name)
		if s.exists(name) {
			return r.read(name)
		}
	}
	if dir == "" {
		dir = "the folder"
	}
	return nil, fmt.Errorf("%w: no %s and no %s in %s", ErrNotModel, safetensorsFile, torchFile, dir)
}

func (s *source) safetensors(name string) (map[string]*Tensor, error) {
	return s.parse(name, readSafetensors)
}

func (s *source) torch(name string) (map[string]*Tensor, error) {
	return s.parse(name, readTorch)
}

func (s *source) parse(name string, read func([]byte) (map[string]*Tensor, error)) (map[string]*Tensor, error) {
	data, err := s.view(name)
	if err != nil {
		return nil, err
	}
	if len(data) < 1024 && strings.HasPrefix(string(data), "version https://git-lfs") {
		return nil, fmt.Errorf("%s: %w: it is a Git LFS pointer; fetch the file itself (git lfs pull)", name, ErrCorrupt)
	}
	tensors, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if s.dir != "" {
		markMapped(tensors, data)
	}
	return tensors, nil
}

// shards reads the files that an index names and checks that each holds what
// the index promises.
func (s *source) shards(name string, read func(string) (map[string]*Tensor, error)) (map[string]*Tensor, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if _, err := s.json(name, &index); err != nil {
		return nil, err
	}
	if len(index.WeightMap) == 0 {
		return nil, fmt.Errorf("%s: %w: empty weight_map", name, ErrCorrupt)
	}
	files := make(map[string]map[string]*Tensor)
	all := make(map[string]*Tensor, len(index.WeightMap))
	for _, key := range slices.Sorted(maps.Keys(index.WeightMap)) {
		file := path.Join(path.Dir(name), index.WeightMap[key])
		tensors, seen := files[file]
		if !seen {
			var err error
			tensors, err = read(file)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s: %w: the shard %s is missing", name, ErrNotModel, file)
			}
			if err != nil {
				return nil, err
			}
			files[file] = tensors
		}
		t := tensors[key]
		if t == nil {
			return nil, fmt.Errorf("%s: %w: %s has no tensor %q", name, ErrCorrupt, file, key)
		}
		all[key] = t
	}
	return all, nil
}
