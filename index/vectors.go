package index

import (
	"context"
	"fmt"
)

// Vectors names a way to search a collection's vectors.
type Vectors string

// The ways to search vectors. An engine that does not have one takes another
// that finds as much.
const (
	// VectorsAuto, the default, scans small collections and builds a graph for
	// large ones.
	VectorsAuto Vectors = "auto"
	// VectorsExact always scans.
	VectorsExact Vectors = "exact"
	// VectorsGraph builds a graph as soon as one can be faster than a scan.
	VectorsGraph Vectors = "graph"
	// VectorsCoder is VectorsAuto with the graph searched by coder/hnsw, unless
	// that misses too much or the platform does not have it.
	VectorsCoder Vectors = "coder"
)

// OrAuto is v, or VectorsAuto if it is empty.
func (v Vectors) OrAuto() Vectors {
	if v == "" {
		return VectorsAuto
	}
	return v
}

// Check reports ErrInvalidSetting for a way that there is not; the empty one is
// VectorsAuto.
func (v Vectors) Check() error {
	switch v.OrAuto() {
	case VectorsAuto, VectorsExact, VectorsGraph, VectorsCoder:
		return nil
	}
	return fmt.Errorf("%w: vectors %q; there are %s, %s, %s and %s", ErrInvalidSetting, string(v), VectorsAuto, VectorsExact, VectorsGraph, VectorsCoder)
}

// Tunable is the part of a Collection that changes what does not decide its
// answers.
type Tunable interface {
	// SetVectors changes Settings.Vectors. When it returns nil the change is
	// durable; what it asks for may be made in the background, while searches go
	// on as before. ErrInvalidSetting.
	SetVectors(ctx context.Context, v Vectors) error
}

// SetVectors changes how a collection's vectors are searched; see Tunable.
func (s *Service) SetVectors(ctx context.Context, collection string, v Vectors) error {
	if err := v.Check(); err != nil {
		return err
	}
	s.reembeds.writes.RLock()
	defer s.reembeds.writes.RUnlock()
	c, err := s.open(ctx, collection)
	if err != nil {
		return err
	}
	return c.SetVectors(ctx, v)
}
