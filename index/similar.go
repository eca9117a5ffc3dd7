package index

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// LikeWords is how many of a document's words a search for documents like it
// looks for.
const LikeWords = 20

// Profile is what a document is about, as far as a search can use it.
type Profile struct {
	Vectors  [][]float32 // of its passages that have one
	Passages int
	Words    []string // the strongest by tf x idf, best first, as text for Keyword
}

// Profiles is the part of a Collection that describes documents.
type Profiles interface {
	// Profile describes a document, with at most words of its words;
	// ErrDocumentNotFound.
	Profile(ctx context.Context, id string, words int) (Profile, error)
}

// checkLike reports ErrInvalidQuery for what does not go together with Like.
func (q Query) checkLike() error {
	switch {
	case q.Like == "":
		return nil
	case q.Text != "":
		return fmt.Errorf("%w: it has both a text and a document to be like; give one of them", ErrInvalidQuery)
	case q.Vector != nil:
		return fmt.Errorf("%w: it has both a vector and a document to be like; give one of them", ErrInvalidQuery)
	case q.Correct:
		return fmt.Errorf("%w: there is no text to correct in a search for documents like one", ErrInvalidQuery)
	case q.Rerank:
		return fmt.Errorf("%w: a reranker judges answers to a text; a search for documents like one has none", ErrInvalidQuery)
	}
	return nil
}

// like makes the query one for documents like q.Like: the mean of its passages'
// vectors stands for the vector, its strongest words for the text. The mean is
// what the document is about as a whole; asking for each passage instead would
// cost a search for each, and rank high what is near one aside.
func (s *searcher) like(ctx context.Context) (noVector string, err error) {
	p, err := s.c.Profile(ctx, s.q.Like, LikeWords)
	if err != nil {
		return "", err
	}
	s.q.Vector, s.q.Text = mean(p.Vectors), strings.Join(p.Words, " ")
	s.likePassages, s.stats.Words = p.Passages, p.Words
	if s.q.Vector == nil {
		noVector = fmt.Sprintf("the document %q has no vectors", s.q.Like)
	}
	return noVector, nil
}

// mean is the direction of the sum of vectors; nil if they are none or cancel
// out.
func mean(vectors [][]float32) []float32 {
	if len(vectors) == 0 {
		return nil
	}
	sums := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		for i, x := range v {
			sums[i] += float64(x)
		}
	}
	var square float64
	for _, x := range sums {
		square += x * x
	}
	norm := math.Sqrt(square)
	if norm < 1e-6*float64(len(vectors)) {
		return nil
	}
	out := make([]float32, len(sums))
	for i, x := range sums {
		out[i] = float32(x / norm)
	}
	return out
}
