package train

import (
	"fmt"
	"slices"
	"sync"

	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/mat"
)

// ordered gives an operator its number in the graph and its turn in Backward.
type ordered struct {
	ag.AutoGradFunction
	g      *Graph
	number int
}

// Operands implements ag.AutoGradFunction. Operators of graphs without gradients
// have none to propagate to.
func (o *ordered) Operands() []mat.Tensor {
	if !o.g.train {
		return nil
	}
	return o.AutoGradFunction.Operands()
}

// Backward implements ag.AutoGradFunction.
func (o *ordered) Backward(gy mat.Tensor) error {
	o.g.turns.wait(o.number)
	defer o.g.turns.next()
	return o.AutoGradFunction.Backward(gy)
}

// run adds an operator to the graph.
func (g *Graph) run(f ag.AutoGradFunction) mat.Tensor {
	o := &ordered{f, g, len(g.numbers)}
	op := ag.NewOperator(o)
	if g.train {
		g.numbers[op] = o.number
	}
	return op.Run()
}

// turns lets operators go backward one after another, the last first. Spago
// starts each as soon as its gradient is complete, so that two branches would
// add to a parameter, or to a tensor with three uses, in an order of their own;
// each operator keeps all cores busy anyway.
type turns struct {
	mu    sync.Mutex
	moved sync.Cond // on mu
	queue []int     // operators that are left, the next one last
}

func (t *turns) start(queue []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moved.L = &t.mu
	t.queue = queue
}

func (t *turns) wait(number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) > 0 && t.queue[len(t.queue)-1] != number {
		t.moved.Wait()
	}
}

func (t *turns) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.queue); n > 0 {
		t.queue = t.queue[:n-1]
	}
	if t.moved.L != nil {
		t.moved.Broadcast()
	}
}

// Backward adds weight times the gradient of loss, a scalar of this graph, to
// the gradients of the parameters. A graph goes backward once. Errors wrap
// ErrConfig if the graph keeps no gradients.
func (g *Graph) Backward(loss mat.Tensor, weight float32) error {
	if !g.train {
		return fmt.Errorf("%w: backward through a graph without gradients", ErrConfig)
	}
	g.turns.start(g.path(loss))
	loss.AccGrad(mat.Scalar(weight))
	if err := ag.Backward(loss); err != nil {
		return fmt.Errorf("backward: %w", err)
	}
	return nil
}

// path is the operators of this graph that take part in the backward pass from
// loss, ascending.
func (g *Graph) path(loss mat.Tensor) []int {
	var numbers []int
	seen := make(map[*ag.Operator]bool)
	todo := []mat.Tensor{loss}
	for len(todo) > 0 {
		op, ok := todo[len(todo)-1].(*ag.Operator)
		todo = todo[:len(todo)-1]
		if !ok || seen[op] || !op.RequiresGrad() {
			continue
		}
		seen[op] = true
		if n, mine := g.numbers[op]; mine {
			numbers = append(numbers, n)
		}
		todo = append(todo, op.Operands()...)
	}
	slices.Sort(numbers)
	return numbers
}
