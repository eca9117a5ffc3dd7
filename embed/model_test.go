package embed_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"semdex/embed"
	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

func TestClose(t *testing.T) {
	m, err := embed.Load(t.Context(), modeltest.Folder(t, model.BERT, modeltest.Options{Vocab: 120}), embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := m.Fingerprint()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { // until the model is closed under it
			for {
				if _, err := m.Encode(t.Context(), []string{"the search", "a"}, embed.EncodeOptions{}); err != nil {
					if !errors.Is(err, embed.ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	run(t, m, []string{"a"}, embed.EncodeOptions{})
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if _, err := m.Info(); !errors.Is(err, embed.ErrClosed) {
		t.Errorf("info after close: %v", err)
	}
	if m.Fingerprint() != fingerprint {
		t.Error("the fingerprint is lost")
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{Vocab: 120})
	m := load(t, dir, embed.Options{})
	cancel()
	if _, err := m.Encode(ctx, []string{"a"}, embed.EncodeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("encode: %v", err)
	}
	if _, err := embed.Load(ctx, dir, embed.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
}

func TestNaNWeights(t *testing.T) {
	for _, arch := range architectures {
		base := modeltest.New(arch, modeltest.Options{Vocab: 120})
		table := &base.Static
		rows := base.Transformer
		var word *model.Tensor
		if rows != nil {
			word = rows.Word
		} else {
			word = (*table).Rows
		}
		id, _ := base.Tokenizer.ID("search")
		word.F32()[int(id)*32+5] = float32(math.NaN())
		m, err := embed.FromModel(base, embed.Options{})
		if err == nil {
			if _, err := m.Encode(t.Context(), []string{"the"}, embed.EncodeOptions{}); err != nil {
				t.Errorf("%s: a text without the word: %v", arch, err)
			}
			_, err = m.Encode(t.Context(), []string{"the", "the search"}, embed.EncodeOptions{})
			if err == nil || !strings.Contains(err.Error(), "model "+m.Name()) {
				t.Errorf("%s: %v does not name the model", arch, err)
			}
		}
		if want := fmt.Sprintf("row %d, column 5", id); !errors.Is(err, embed.ErrNotFinite) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", arch, err, want)
		}
	}
}

func TestGolden(t *testing.T) {
	for _, arch := range architectures {
		t.Run(string(arch), func(t *testing.T) {
			dir := modeltest.Folder(t, arch, modeltest.Options{Vocab: 120, Normalize: true})
			m := load(t, dir, embed.Options{})
			if _, err := m.Verify(t.Context(), nil); !errors.Is(err, embed.ErrNoGolden) {
				t.Errorf("no golden sentences: %v", err)
			}
			g, err := m.MakeGolden(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := model.WriteGolden(dir, g); err != nil {
				t.Fatal(err)
			}
			for _, o := range []embed.Options{{}, {Reference: true, Workers: 3}} {
				v, err := load(t, dir, o).Verify(t.Context(), nil)
				if err != nil || v.Sentences != len(g.Sentences) || v.MaxDifference > 1e-5 || !v.SameModel {
					t.Errorf("%+v: %+v, %v", o, v, err)
				}
			}
			g.Sentences[2].Vector[3] += 0.01
			v, err := m.Verify(t.Context(), g)
			if !errors.Is(err, embed.ErrMismatch) || v.Worst != g.Sentences[2].Text || math.Abs(v.MaxDifference-0.01) > 1e-5 {
				t.Errorf("a changed vector: %+v, %v", v, err)
			}
			g.Sentences[2].Vector = g.Sentences[2].Vector[:5]
			if _, err := m.Verify(t.Context(), g); !errors.Is(err, embed.ErrMismatch) {
				t.Errorf("a short vector: %v", err)
			}
		})
	}
}

func TestInfo(t *testing.T) {
	m := load(t, modeltest.Folder(t, model.BERT, modeltest.Options{Vocab: 120, Dense: 8, Layers: 3}), embed.Options{Reference: true})
	i, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	if i.Layers != 3 || i.Hidden != 32 || i.Dims != 8 || i.FullDims != 8 || i.Vocabulary != m.Tokenizer().Len() ||
		i.Engine != "reference" || i.DType != model.F32 || fmt.Sprint(i.Dense) != "[8]" || i.Parameters == 0 ||
		i.Fingerprint != m.Fingerprint() || i.MaxTokens != 64 || i.Pooling != "mean" {
		t.Errorf("%+v", i)
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := embed.Load(t.Context(), filepath.Join(t.TempDir(), "none"), embed.Options{}); err == nil {
		t.Error("a missing folder opens")
	}
	if _, err := embed.Load(t.Context(), t.TempDir(), embed.Options{}); !errors.Is(err, model.ErrNotModel) {
		t.Errorf("an empty folder: %v", err)
	}
	base := modeltest.New(model.BERT, modeltest.Options{})
	base.Pooling = "median"
	if _, err := embed.FromModel(base, embed.Options{}); !errors.Is(err, encoder.ErrModel) {
		t.Errorf("an unknown pooling: %v", err)
	}
	base.Tokenizer = nil
	if _, err := embed.FromModel(base, embed.Options{}); !errors.Is(err, encoder.ErrModel) {
		t.Errorf("no tokenizer: %v", err)
	}
	t.Setenv("SEMDEX_SIMD", "mmx")
	if _, err := embed.FromModel(modeltest.New(model.BERT, modeltest.Options{}), embed.Options{}); err == nil {
		t.Error("an unknown instruction level is accepted")
	}
}
