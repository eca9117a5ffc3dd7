package workload

import (
	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/internal/kernel"
)

// Options of NewEncoder.
type Options struct {
	Workers int    // 0: one per CPU
	Int8    bool   // quantised projections; static models ignore it
	Level   string // the value of kernel.EnvLevel, "" for the processor's best
}

// NewEncoder puts m on the engine that package embed would choose for it, below
// texts and tokenisation.
func NewEncoder(m *model.Model, o Options) (encoder.Encoder, error) {
	if m.Static != nil {
		return encoder.NewStatic(m, o.Workers)
	}
	level, err := kernel.Choose(o.Level)
	if err != nil {
		return nil, err
	}
	packed := encoder.PackedOptions{Workers: o.Workers, Level: &level}
	if o.Int8 {
		packed.Precision = encoder.Int8
	}
	engine, err := encoder.NewPacked(m.Transformer, m.Config, packed)
	if err != nil {
		return nil, err
	}
	return encoder.NewTransformer(engine, m)
}

// Batch is the sentences as one ragged batch.
func Batch(sentences [][]int32) *encoder.Batch {
	b := &encoder.Batch{}
	for _, ids := range sentences {
		b.Append(ids)
	}
	return b
}
