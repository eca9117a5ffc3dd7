package hub

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// small are the files beside the weights that a model folder may need.
var small = map[string]bool{
	"modules.json": true, "config.json": true, "config_sentence_transformers.json": true,
	"tokenizer.json": true, "tokenizer_config.json": true, "special_tokens_map.json": true,
	"added_tokens.json": true, "vocab.txt": true, "README.md": true, "LICENSE": true,
	"semdex_golden.json": true,
}

// sentenceConfig is sentence_bert_config.json under any of its names.
var sentenceConfig = regexp.MustCompile(`^sentence_[a-z-]+_config\.json$`)

// moduleDir is the folder of a sentence-transformers module: 1_Pooling.
var moduleDir = regexp.MustCompile(`^[0-9]+_[A-Za-z0-9]+$`)

// The forms of weights, best first: one of them is fetched per folder.
var weightForms = []*regexp.Regexp{
	regexp.MustCompile(`^model\.safetensors$`),
	regexp.MustCompile(`^model(-[0-9]+-of-[0-9]+\.safetensors|\.safetensors\.index\.json)$`),
	regexp.MustCompile(`^pytorch_model\.bin$`),
	regexp.MustCompile(`^pytorch_model(-[0-9]+-of-[0-9]+\.bin|\.bin\.index\.json)$`),
}

// choose picks the files that semdex reads: configuration, tokenizer and one
// form of weights per module; no ONNX, TensorFlow, Flax or OpenVINO.
func choose(all []string) ([]string, error) {
	byDir := make(map[string][]string)
	for _, file := range all {
		if !filepath.IsLocal(filepath.FromSlash(file)) || path.Clean(file) != file || strings.ContainsAny(file, "\\:") {
			return nil, fmt.Errorf("%w: it lists the file %q", ErrServer, file)
		}
		dir, name := path.Split(file)
		if dir == "" || moduleDir.MatchString(path.Clean(dir)) {
			byDir[dir] = append(byDir[dir], name)
		}
	}
	var chosen []string
	weights := false
	for dir, names := range byDir {
		for _, name := range names {
			if small[name] || sentenceConfig.MatchString(name) {
				chosen = append(chosen, dir+name)
			}
		}
		for _, form := range weightForms {
			found := false
			for _, name := range names {
				if form.MatchString(name) {
					chosen, found = append(chosen, dir+name), true
				}
			}
			if found {
				weights = true
				break
			}
		}
	}
	if !weights {
		return nil, fmt.Errorf("%w: neither model.safetensors nor pytorch_model.bin is among its %d files", ErrNoWeights, len(all))
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}
