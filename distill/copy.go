package distill

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"semdex/embed/model"
	"semdex/embed/trainable"
)

// ErrTeacher marks a teacher that cannot give what a student needs.
var ErrTeacher = errors.New("unsuitable teacher")

// Every is the list of every n-th layer of a teacher, starting with the first:
// Every(12, 2) is 0, 2, 4, 6, 8, 10.
func Every(layers, n int) []int {
	var list []int
	for i := 0; i < layers; i += max(1, n) {
		list = append(list, i)
	}
	return list
}

// Copied says where a tensor of a student comes from.
type Copied struct {
	Name   string // in the student
	From   string // in the teacher
	Equal  bool   // bit for bit
	Folded bool   // a position table with the token type row added
}

// CopyLayers makes a student of the given architecture whose layer i is the
// teacher's layer layers[i] (Sanh et al. 2019, section 3), with the teacher's
// embeddings, tokenizer and heads. Tensors are shared, not copied.
//
// DistilBERT has no token types: the row of type 0 is added to every position,
// so that a student with all layers computes what the teacher does. Errors wrap
// ErrTeacher.
func CopyLayers(teacher *model.Model, as model.Architecture, layers []int) (*model.Model, []Copied, error) {
	if err := canTeach(teacher, as, layers); err != nil {
		return nil, nil, err
	}
	from := teacher.Transformer
	to := &model.Transformer{Word: from.Word, Position: from.Position, Norm: from.Norm}
	for _, l := range layers {
		to.Layers = append(to.Layers, from.Layers[l])
	}
	student := &model.Model{
		Name: fmt.Sprintf("%s-%d", as, len(layers)), Architecture: as, Config: teacher.Config, Transformer: to,
		Tokenizer: teacher.Tokenizer, Pooling: teacher.Pooling, PoolingAssumed: teacher.PoolingAssumed,
		Dense: slices.Clone(teacher.Dense), Normalize: teacher.Normalize, MaxTokens: teacher.MaxTokens,
		Prompts: maps.Clone(teacher.Prompts), DefaultPrompt: teacher.DefaultPrompt,
		Similarity: teacher.Similarity, TruncateDim: teacher.TruncateDim,
		Heads: heads(teacher, as),
	}
	student.Config.Layers = len(layers)
	switch {
	case as == model.BERT:
		to.Type, to.Pooler = from.Type, from.Pooler
	case teacher.Architecture == model.BERT:
		to.Position = fold(from.Position, from.Type)
		student.Config.TypeVocabSize = 0
	}
	return student, compare(teacher, student, layers), nil
}

func canTeach(teacher *model.Model, as model.Architecture, layers []int) error {
	bad := func(format string, v ...any) error {
		return fmt.Errorf("%w: %s", ErrTeacher, fmt.Sprintf(format, v...))
	}
	switch {
	case teacher.Transformer == nil:
		return bad("%s has no layers", teacher.Architecture)
	case as != model.BERT && as != model.DistilBERT:
		return bad("a student is bert or distilbert, not %q", as)
	case as == model.BERT && teacher.Architecture != model.BERT:
		return bad("a BERT student needs token types, which %s has not", teacher.Architecture)
	case len(layers) == 0:
		return bad("no layers to copy")
	case teacher.Architecture == model.BERT && (teacher.Transformer.Type == nil || teacher.Transformer.Type.Rows() < 1):
		return bad("it has no token type embeddings")
	case as == model.DistilBERT && teacher.Config.LayerNormEps != 1e-12:
		return bad("its LayerNorm adds %g, DistilBERT's has 1e-12 built in", teacher.Config.LayerNormEps)
	}
	for _, l := range layers {
		if l < 0 || l >= len(teacher.Transformer.Layers) {
			return bad("layer %d of %d", l, len(teacher.Transformer.Layers))
		}
	}
	return nil
}

// fold adds the row of token type 0 to every position.
func fold(position, kind *model.Tensor) *model.Tensor {
	add := kind.AppendRow(nil, 0)
	sum := slices.Clone(position.F32())
	for i := range sum {
		sum[i] += add[i%len(add)]
	}
	return model.NewF32(position.Name, position.Shape, sum)
}

// compare verifies the student's tensors name by name.
func compare(teacher, student *model.Model, layers []int) []Copied {
	theirs := trainable.Tensors(teacher)
	const perLayer = 16
	front := len(theirs) - perLayer*len(teacher.Transformer.Layers)
	byPart := make(map[string]trainable.Named)
	for _, n := range theirs[:front] {
		byPart[n.Name] = n
	}
	own := trainable.Tensors(student)
	ownFront := len(own) - perLayer*len(layers)
	var list []Copied
	for i, n := range own {
		source := byPart[n.Name]
		if i >= ownFront {
			at := i - ownFront
			source = theirs[front+layers[at/perLayer]*perLayer+at%perLayer]
		}
		list = append(list, Copied{
			Name: n.Name, From: source.Name, Equal: equal(n.Tensor, source.Tensor),
			Folded: strings.Contains(n.Name, "position") && student.Architecture != teacher.Architecture,
		})
	}
	return list
}

func equal(a, b *model.Tensor) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Data, b.Data)
}

// headNames are DistilBERT's names of BERT's heads. The decoder of masked
// language models is the word table and is not among the heads.
var headNames = []struct{ bert, distil string }{
	{"cls.predictions.transform.dense.", "vocab_transform."},
	{"cls.predictions.transform.LayerNorm.", "vocab_layer_norm."},
	{"cls.predictions.bias", "vocab_projector.bias"},
	{"cls.predictions.decoder.bias", "vocab_projector.bias"},
	{"cls.predictions.decoder.weight", "vocab_projector.weight"},
	{"cls.seq_relationship.", ""}, // next-sentence prediction, which DistilBERT has not
}

// heads are the teacher's heads under the student's names. The pooler becomes
// the first layer of a classifier's head, which is where DistilBERT has its own.
func heads(teacher *model.Model, as model.Architecture) map[string]*model.Tensor {
	if teacher.Architecture == as {
		return maps.Clone(teacher.Heads)
	}
	out := make(map[string]*model.Tensor)
	for name, t := range teacher.Heads {
		if renamed := rename(name); renamed != "" {
			out[renamed] = t
		}
	}
	if p := teacher.Transformer.Pooler; p != nil && out["classifier.weight"] != nil {
		out["pre_classifier.weight"], out["pre_classifier.bias"] = p.Weight, p.Bias
	}
	return out
}

func rename(name string) string {
	for _, n := range headNames {
		if rest, ok := strings.CutPrefix(name, n.bert); ok {
			if n.distil == "" {
				return ""
			}
			return n.distil + rest
		}
	}
	return name
}
