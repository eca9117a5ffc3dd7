package evalsuite

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Comparison is two systems side by side.
type Comparison struct {
	Names [2]string `json:"names"`
	Bootstrap
	Rows []Compared `json:"rows"`
	// Only are the sets that one side alone has.
	Only [2][]string `json:"only"`
}

// Compared is one measure on one set.
type Compared struct {
	Set     string `json:"set"`
	Kind    Kind   `json:"kind"`
	Items   int    `json:"items"`
	System  string `json:"system,omitempty"`
	Measure string `json:"measure"`
	Paired
}

// Side is one side of a comparison: results, and which system of theirs, by name.
// Name may be "" where a set has the rows of one model alone.
type Side struct {
	*Table
	Name string
}

// Compare pairs the figures of two sides by set, way of use and measure, and
// bootstraps each. Errors wrap ErrResults: sets of the same name with other items,
// or several models and no name to choose by.
func Compare(ctx context.Context, a, b Side, o Bootstrap) (*Comparison, error) {
	c := &Comparison{Bootstrap: o}
	for _, left := range a.Sets {
		right := b.set(&left)
		if right == nil {
			c.Only[0] = append(c.Only[0], left.Set)
			continue
		}
		if left.Digest != right.Digest || left.Items != right.Items {
			return nil, fmt.Errorf("%w: %s is not the same set on both sides", ErrResults, left.Set)
		}
		if err := c.add(ctx, a, b, &left, right); err != nil {
			return nil, fmt.Errorf("%s: %w", left.Set, err)
		}
	}
	for _, right := range b.Sets {
		if a.set(&right) == nil {
			c.Only[1] = append(c.Only[1], right.Set)
		}
	}
	if len(c.Rows) == 0 {
		return nil, fmt.Errorf("%w: the two sides have no figure in common", ErrResults)
	}
	return c, nil
}

// set finds the results of the same set.
func (t *Table) set(other *Results) *Results {
	for i := range t.Sets {
		if s := &t.Sets[i]; s.Set == other.Set && s.Kind == other.Kind {
			return s
		}
	}
	return nil
}

func (c *Comparison) add(ctx context.Context, a, b Side, left, right *Results) error {
	rowsA, nameA, err := a.rows(left)
	if err != nil {
		return err
	}
	rowsB, nameB, err := b.rows(right)
	if err != nil {
		return err
	}
	for i, name := range []string{nameA, nameB} {
		if name != "" && !slices.Contains(strings.Split(c.Names[i], ", "), name) {
			c.Names[i] = strings.TrimPrefix(c.Names[i]+", "+name, ", ")
		}
	}
	for _, x := range rowsA {
		i := slices.IndexFunc(rowsB, func(y Row) bool { return y.System == x.System })
		if i < 0 {
			continue
		}
		for _, f := range x.Figures {
			g := rowsB[i].figure(f.Measure)
			if g == nil || f.Statistic == "" || f.Statistic != g.Statistic {
				continue
			}
			p, err := c.Compare(ctx, f.Statistic, x.Items[f.Of], rowsB[i].Items[g.Of], left.Gold)
			if err != nil {
				return fmt.Errorf("%s: %w", f.Measure, err)
			}
			c.Rows = append(c.Rows, Compared{left.Set, left.Kind, left.Items, x.System, f.Measure, p})
		}
	}
	return nil
}

// rows are those of the model that the side names, and its name.
func (s Side) rows(r *Results) (rows []Row, name string, err error) {
	var names []string
	for _, row := range r.Rows {
		if row.Role != "" {
			continue
		}
		if !slices.Contains(names, row.By) {
			names = append(names, row.By)
		}
		if s.Name == "" || row.By == s.Name {
			rows, name = append(rows, row), row.By
		}
	}
	switch {
	case s.Name == "" && len(names) > 1:
		return nil, "", fmt.Errorf("%w: there are several models: %s", ErrResults, strings.Join(names, ", "))
	case s.Name != "" && len(rows) == 0 && len(names) > 1:
		return nil, "", fmt.Errorf("%w: no model %s; there are %s", ErrResults, s.Name, strings.Join(names, ", "))
	case len(rows) == 0 && len(names) == 1: // a reader beside several encoders, say
		return Side{s.Table, ""}.rows(r)
	}
	return rows, name, nil
}

func (r *Row) figure(measure string) *Figure {
	for i := range r.Figures {
		if r.Figures[i].Measure == measure {
			return &r.Figures[i]
		}
	}
	return nil
}
