package mlm

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"

	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

// Net is an encoder with the head that predicts tokens.
type Net struct {
	Encoder *train.Encoder
	Head    *train.MLMHead
	// FreshHead says that the model had no head and it was drawn at random.
	FreshHead bool

	base   *model.Model
	pooler *train.Linear
}

// Open copies a model into a trainable net. A head that is missing, or missing
// in part, is drawn from N(0, the model's initializer range). Errors wrap
// trainable.ErrModel.
func Open(m *model.Model, seed uint64) (*Net, error) {
	e, err := trainable.Encoder(m)
	if err != nil {
		return nil, err
	}
	n := &Net{Encoder: e, Head: train.NewMLMHead(e.Config), base: m}
	if n.pooler, err = trainable.Pooler(m); err != nil {
		return nil, err
	}
	std := m.Config.InitRange
	if std <= 0 {
		std = 0.02
	}
	train.Init(n.Head, std, seed)
	all, err := trainable.LoadHeads(m, n.Head)
	n.FreshHead = !all
	return n, err
}

// Prior lets the head begin with the frequencies of d's tokens: the bias of a
// token is the logarithm of its share of the ordinary ones, each counted once more
// than it occurs. A fresh head would take a thousand updates to learn as much.
func (n *Net) Prior(d *Data) {
	bias := train.Describe(n.Head.Bias).Values
	counts, total := make([]float64, len(bias)), float64(len(bias))
	for _, id := range d.ids {
		if !n.base.Tokenizer.IsSpecial(id) {
			counts[id]++
			total++
		}
	}
	for id, c := range counts {
		bias[id] = float32(math.Log((c + 1) / total))
	}
}

// Model is the model that Open got with the weights of now.
func (n *Net) Model() *model.Model { return trainable.Model(n.base, n.Encoder, n.pooler, n.Head) }

// Modules are the parts that are trained.
func (n *Net) Modules() []train.Module { return []train.Module{n.Encoder, n.Head} }

// Score is how a net predicts hidden tokens of held-out text.
type Score struct {
	Tokens     int     `json:"hidden_tokens"`   // predicted
	Loss       float64 `json:"loss"`            // mean cross-entropy in nats
	Perplexity float64 `json:"perplexity"`      // e^Loss
	Accuracy   float64 `json:"accuracy"`        // share of tokens whose score is highest
	Unigram    float64 `json:"unigram_entropy"` // entropy of the text's ordinary tokens: the loss that their frequencies alone would give
}

// AtChance says that the net predicts no better than the frequencies of the
// tokens do.
func (s Score) AtChance() bool { return !(s.Loss < s.Unigram) }

// UnigramPerplexity is what the frequencies alone would give.
func (s Score) UnigramPerplexity() float64 { return math.Exp(s.Unigram) }

func (s Score) String() string {
	return fmt.Sprintf("perplexity %.2f, accuracy %.4f over %d tokens", s.Perplexity, s.Accuracy, s.Tokens)
}

// Pool is the score on several sets as one, every token counting the same. The
// unigram entropy is the mean of the sets': frequencies known for each of them.
func Pool(scores ...Score) Score {
	var s Score
	for _, x := range scores {
		n := float64(x.Tokens)
		s.Tokens += x.Tokens
		s.Loss, s.Accuracy, s.Unigram = s.Loss+n*x.Loss, s.Accuracy+n*x.Accuracy, s.Unigram+n*x.Unigram
	}
	n := float64(max(1, s.Tokens))
	s.Loss, s.Accuracy, s.Unigram = s.Loss/n, s.Accuracy/n, s.Unigram/n
	s.Perplexity = math.Exp(s.Loss)
	return s
}

// evalTokens is the number of tokens in a batch of an evaluation. It is not a
// setting: the score of a saved model must not depend on it, not even in the
// last digit.
const evalTokens = 2048

// Evaluate scores a net on data with tokens hidden as seed says, the same ones
// at every call. Errors wrap ErrCorpus or train.ErrBatch.
func (n *Net) Evaluate(e *train.Engine, d *Data, m *Masker, seed uint64) (Score, error) {
	var s Score
	var loss float64
	var hits int
	counts, ordinary := make(map[int32]int), 0
	for i := 0; i < d.Len(); {
		b := new(Masked)
		for ; i < d.Len() && (b.Len() == 0 || b.Tokens()+len(d.Sequence(i)) <= evalTokens); i++ {
			m.Append(b, d.Sequence(i), train.Seed(seed, uint64(i)))
			for _, id := range d.Sequence(i) {
				if !m.special[id] {
					counts[id]++
					ordinary++
				}
			}
		}
		if len(b.Rows) == 0 {
			continue
		}
		l, h, err := n.score(e, b)
		if err != nil {
			return s, err
		}
		loss, hits, s.Tokens = loss+l*float64(len(b.Rows)), hits+h, s.Tokens+len(b.Rows)
	}
	if s.Tokens == 0 {
		return s, fmt.Errorf("%w: too short for a token to be hidden", ErrCorpus)
	}
	s.Loss, s.Accuracy = loss/float64(s.Tokens), float64(hits)/float64(s.Tokens)
	s.Perplexity, s.Unigram = math.Exp(s.Loss), entropy(counts, ordinary)
	return s, nil
}

// entropy is that of the distribution counts, of n in all, in nats.
func entropy(counts map[int32]int, n int) float64 {
	byCount := make(map[int]int) // sums in an order that no map decides
	top := 0
	for _, c := range counts {
		byCount[c]++
		top = max(top, c)
	}
	var h float64
	for c := 1; c <= top; c++ {
		p := float64(c) / float64(n)
		h -= float64(byCount[c]) * p * math.Log(p)
	}
	return h
}

// answer is what a net says to a batch.
type answer struct {
	logits mat.Tensor // [rows, vocab]
	states mat.Tensor // [tokens, hidden], the last ones; nil if they were not wanted
}

// answer scores the vocabulary at rows, which are ascending. The last layer is
// computed for the other tokens only if all states are wanted.
func (n *Net) answer(g *train.Graph, b *train.Batch, rows []int32, states bool) (a answer, err error) {
	if states {
		all, err := n.Encoder.Forward(g, b)
		if err != nil {
			return a, err
		}
		a.states = all[len(all)-1]
		a.logits, err = n.Head.Logits(g, a.states, rows, n.Encoder.Word)
		return a, err
	}
	x, err := n.Encoder.ForwardRows(g, b, rows)
	if err != nil {
		return a, err
	}
	a.logits, err = n.Head.Scores(g, x, n.Encoder.Word)
	return a, err
}

// score gives a batch's mean loss and the number of tokens predicted right.
func (n *Net) score(e *train.Engine, b *Masked) (loss float64, hits int, err error) {
	g := e.Eval()
	defer g.Close()
	a, err := n.answer(g, &b.Batch, b.Rows, false)
	if err != nil {
		return 0, 0, err
	}
	l, err := g.CrossEntropy(a.logits, b.Targets)
	if err != nil {
		return 0, 0, err
	}
	v := n.Encoder.Config.VocabSize
	for i, t := range b.Targets {
		row := train.Values(a.logits)[i*v : (i+1)*v]
		best := 0
		for j, x := range row {
			if x > row[best] {
				best = j
			}
		}
		if best == int(t) {
			hits++
		}
	}
	return float64(train.Values(l)[0]), hits, nil
}
