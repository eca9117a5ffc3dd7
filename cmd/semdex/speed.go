package main

import (
	"context"
	"fmt"
	"time"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/internal/progress"
)

// side is one of two models that are compared.
type side struct {
	Name       string  `json:"name"`
	Parameters int64   `json:"parameters"`
	MB         float64 `json:"mb"` // of the weights as stored, in 10^6 bytes
	Speed      float64 `json:"sentences_per_s"`
}

// compareSides measures a teacher, by its name, and a student in memory: both
// encode the same sentences with the packed encoder and the same number of
// threads, in turns, and the best turn of each counts, so that other work on the
// machine hurts
// neither more. Score, if set, sees each. The student is closed.
func (a *app) compareSides(ctx context.Context, teacher, name string, student *model.Model, workers int, texts []string, score func(i int, m *embed.Model) error) ([]side, error) {
	o := embed.Options{Workers: workers}
	first, err := a.loadModel(ctx, teacher, o)
	if err != nil {
		return nil, err
	}
	defer a.close(first)
	second, err := embed.FromModel(student, o)
	if err != nil {
		return nil, err
	}
	defer a.close(second)
	models, sides := []*embed.Model{first, second}, []side{{Name: teacher}, {Name: name}}
	for i, m := range models {
		info, err := m.Info()
		if err != nil {
			return nil, err
		}
		sides[i].Parameters, sides[i].MB = info.Parameters, float64(info.Parameters)*float64(info.DType.Size())/1e6
		if score == nil {
			continue
		}
		if err := score(i, m); err != nil {
			return nil, fmt.Errorf("score %s: %w", sides[i].Name, err)
		}
	}
	const turns = 5 // the first warms up
	for turn := range turns {
		for i, m := range models {
			rate, err := encodeRate(ctx, m, texts)
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", sides[i].Name, err)
			}
			if turn > 0 {
				sides[i].Speed = max(sides[i].Speed, rate)
			}
		}
	}
	return sides, nil
}

// encodeRate is how many texts a second a model encodes, over a tenth of a
// second or once through.
func encodeRate(ctx context.Context, m *embed.Model, texts []string) (float64, error) {
	start, n := time.Now(), 0
	for {
		if _, err := m.Encode(ctx, texts, embed.EncodeOptions{NoPrompt: true}); err != nil {
			return 0, err
		}
		n += len(texts)
		if d := time.Since(start); d > time.Second/10 {
			return float64(n) / d.Seconds(), nil
		}
	}
}

// cells are the columns that every comparison begins with.
func (s *side) cells() []string {
	return []string{s.Name, progress.Count(s.Parameters), fmt.Sprintf("%.1f", s.MB), progress.Count(int64(s.Speed + 0.5))}
}

var sideHeader = []string{"model", "parameters", "MB", "sentences/s"}
