package embed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"semdex/embed/model"
)

// GoldenTolerance is the largest difference in any component that MakeGolden
// allows: rounding in another order stays far below it, a wrong weight or
// token does not.
const GoldenTolerance = 1e-4

// goldenTexts are the sentences that MakeGolden takes if it is given none:
// Korean and English, short and long, with accents, signs and rare words.
var goldenTexts = []string{
	"A man is playing a guitar.",
	"한 남자가 기타를 치고 있다.",
	"Where can I renew my passport?",
	"여권은 어디에서 갱신하나요?",
	"The café's naïve façade cost €1,250.50 (about 1.7 million won) in 2019!",
	"서울은 대한민국의 수도이자 최대 도시이며, 한강을 끼고 있다.",
	"Photosynthesis converts light energy into chemical energy, which plants store in carbohydrates " +
		"synthesised from carbon dioxide and water; oxygen is released as a by-product.",
	"x",
}

// MakeGolden encodes texts, or a few built-in sentences if there are none, with
// the default options: what model.WriteGolden puts into the folder and Verify
// compares with.
func (m *Model) MakeGolden(ctx context.Context, texts []string) (*model.GoldenFile, error) {
	if len(texts) == 0 {
		texts = goldenTexts
	}
	r, err := m.Encode(ctx, texts, EncodeOptions{})
	if err != nil {
		return nil, fmt.Errorf("make golden sentences: %w", err)
	}
	g := &model.GoldenFile{Version: 1, Model: m.Fingerprint(), Tolerance: GoldenTolerance}
	for i, text := range texts {
		g.Sentences = append(g.Sentences, model.GoldenSentence{Text: text, Vector: r.Vectors[i]})
	}
	return g, nil
}

// Verification is the outcome of Verify.
type Verification struct {
	Sentences int     `json:"sentences"`
	Tolerance float64 `json:"tolerance"`
	// MaxDifference is the largest absolute difference in any component, Worst
	// the sentence that has it.
	MaxDifference float64 `json:"max_difference"`
	Worst         string  `json:"worst"`
	// SameModel says that the fingerprint is that of the model which made the
	// vectors. Weights in another type have another fingerprint and may still
	// give the same vectors within the tolerance.
	SameModel bool `json:"same_model"`
}

// Verify encodes the golden sentences again and compares. With a nil g it takes
// those in the model's folder; the error is ErrNoGolden if there are none, and
// wraps ErrMismatch if a vector differs by more than g's tolerance, in which
// case the Verification says by how much.
func (m *Model) Verify(ctx context.Context, g *model.GoldenFile) (Verification, error) {
	if g == nil {
		var err error
		if g, err = m.readGolden(); err != nil {
			return Verification{}, err
		}
	}
	v := Verification{Sentences: len(g.Sentences), Tolerance: g.Tolerance, SameModel: g.Model == m.Fingerprint()}
	for prompt, at := range byPrompt(g) {
		if err := m.verify(ctx, g, prompt, at, &v); err != nil {
			return v, err
		}
	}
	if !(v.MaxDifference <= g.Tolerance) {
		return v, fmt.Errorf("%w: by up to %.2g in %q, %.2g is allowed", ErrMismatch, v.MaxDifference, v.Worst, g.Tolerance)
	}
	return v, nil
}

func (m *Model) readGolden() (*model.GoldenFile, error) {
	if m.folder == "" {
		return nil, fmt.Errorf("%w: %s was not loaded from a folder", ErrNoGolden, m.Name())
	}
	g, err := model.ReadGolden(os.DirFS(m.folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no %s in %s", ErrNoGolden, model.GoldenName, m.folder)
	}
	return g, err
}

// byPrompt gives the numbers of g's sentences by the name of their prompt.
func byPrompt(g *model.GoldenFile) map[string][]int {
	groups := make(map[string][]int)
	for i, s := range g.Sentences {
		groups[s.Prompt] = append(groups[s.Prompt], i)
	}
	return groups
}

// verify compares the sentences at with their vectors and notes the largest
// difference in v.
func (m *Model) verify(ctx context.Context, g *model.GoldenFile, prompt string, at []int, v *Verification) error {
	texts := make([]string, len(at))
	for i, n := range at {
		texts[i] = g.Sentences[n].Text
	}
	r, err := m.Encode(ctx, texts, EncodeOptions{PromptName: prompt})
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for i, n := range at {
		want := g.Sentences[n].Vector
		if len(want) != m.Dims() {
			return fmt.Errorf("%w: %q has %d dims there, %s gives %d", ErrMismatch, texts[i], len(want), m.Name(), m.Dims())
		}
		for d, x := range r.Vectors[i] {
			diff := math.Abs(float64(x) - float64(want[d]))
			if diff > v.MaxDifference || v.Worst == "" {
				v.MaxDifference, v.Worst = diff, texts[i]
			}
		}
	}
	return nil
}
