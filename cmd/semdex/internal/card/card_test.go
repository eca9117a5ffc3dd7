package card_test

import (
	"strings"
	"testing"
	"time"

	"semdex/cmd/semdex/internal/card"
	"semdex/internal/train"
)

const want = `---
license: "CC0-1.0"
library_name: sentence-transformers
---

# student

A small model.

## Training

Made with ` + "`semdex train mlm`" + `.
It began with the weights of start.
1,200 updates over 34,000 tokens in 1:05; loss 2.5000 at the last one.
The weights are those of update 800, the best on the development set.

| source | licence | examples |
|---|---|---|
| a.txt | not stated | 34,000 tokens |
| b\|c.txt | CC BY-SA | 5 pairs |

| setting | value |
|---|---|
| hidden tokens | 0.15 |
| optimizer | AdamW, peak rate 0.001, weight decay 0.01 |
| schedule | linear, warm-up over 0.1 of the steps |
| batch | 1,024 tokens, at most 8 examples, 2 batches an update |
| clipping | norm 1 |
| seed | 7 |

## Scores

| set | measure | value |
|---|---|---|
| dev.txt | perplexity | 12.00 |

## Curve

| update | training loss | development: minus loss |
|---|---|---|
| 800 | 3.0000 | -2.7500 |
| 1,200 | 2.5000 | -2.8000 |

## Limits

Too small.
`

func TestMarkdown(t *testing.T) {
	best := -2.75
	c := card.Card{
		Title: "student", Summary: "A small model.", Base: "start", Command: "semdex train mlm", Licence: "CC0-1.0",
		Sources: []card.Source{{Name: "a.txt", Count: 34000, Unit: "tokens"}, {Name: "b|c.txt", Licence: "CC BY-SA", Count: 5, Unit: "pairs"}},
		Scores:  []card.Score{{Set: "dev.txt", Measure: "perplexity", Value: "12.00"}},
		Measure: "minus loss", Curve: []card.Point{{Step: 800, Loss: 3, Score: best}, {Step: 1200, Loss: 2.5, Score: -2.8}},
		Limits: "Too small.",
	}
	c.Set("hidden tokens", 0.15)
	c.Run(train.Options{
		Seed: 7, Plan: train.Plan{Tokens: 1024, Examples: 8}, Accumulate: 2, Clip: 1, WarmupShare: 0.1,
		Schedule: train.LinearDecay, Optimizer: train.AdamW{LR: 1e-3, WeightDecay: 0.01},
	}, card.Outcome{Steps: 1200, Tokens: 34000, Loss: 2.5, Best: &best, BestStep: 800, Duration: 65 * time.Second})
	if got := c.Markdown(); got != want {
		t.Errorf("%s", got)
	}
	c.Curve = make([]card.Point, 100)
	if n := strings.Count(c.Markdown(), "| 0.0000 |"); n > 26 {
		t.Errorf("%d rows of a long curve", n)
	}
}

func TestLicenceOf(t *testing.T) {
	c := card.Card{Title: "x", Licence: "CC0-1.0"}
	for text, licence := range map[string]string{
		c.Markdown(): "CC0-1.0",
		"---\nlanguage: [ko]\nlicense: cc-by-sa-4.0\n---\n# x\n": "cc-by-sa-4.0",
		"---\nlanguage: [ko]\n---\nlicense: mit\n":               "",
		"license: mit\n": "",
		"":               "",
	} {
		if have := card.LicenceOf(text); have != licence {
			t.Errorf("%q: %q, want %q", text, have, licence)
		}
	}
}
