package model

import "errors"

// SaveOptions says how Save stores a model.
type SaveOptions struct {
	// DType of the weights: F32 (the default), F16, BF16, or I8 for static
	// tables alone.
	DType DType
	// Card replaces Model.Card as README.md if it is not empty.
	Card string
	// Overwrite replaces an existing folder; without it Save refuses to.
	Overwrite bool
}

// Save writes m as a sentence-transformers folder at dir, wholly or not at all.
func (m *Model) Save(dir string, o SaveOptions) error {
	return errors.New("model: not wired yet")
}
