package local

import (
	"context"

	"semdex/index"
)

// SetVectors implements index.Collection. A graph that is no longer wanted goes
// at once, one that is wanted is built beside the writer.
func (c *Collection) SetVectors(ctx context.Context, v index.Vectors) error {
	if err := v.Check(); err != nil {
		return err
	}
	return c.configure(ctx, func(m *manifest) { m.Settings.Vectors = v.OrAuto() }, func() {
		if c.vectors() != index.VectorsExact {
			return // maintain does the rest
		}
		c.stopSealing()
		if c.state.sealed != nil {
			c.unseal()
		}
	})
}

// vectors is how the collection's vectors are searched. It is for run, and for
// opening.
func (c *Collection) vectors() index.Vectors {
	if v := c.settings.Vectors; v != index.VectorsAuto {
		return v
	}
	return c.o.Vectors.OrAuto()
}

// configure changes the manifest between two writes, and does what follows from
// that once it is durable.
func (c *Collection) configure(ctx context.Context, change func(*manifest), then func()) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	var failed error
	err := c.do(&request{ctx: ctx, inspect: func() {
		if failed = c.rewrite(change); failed == nil {
			then()
			// Behind the change: who saw it counted must not search as before.
			c.mu.Lock()
			c.configured++
			c.mu.Unlock()
		}
	}})
	if err != nil {
		return err
	}
	return failed
}

// rewrite makes a changed manifest durable, then current.
func (c *Collection) rewrite(change func(*manifest)) error {
	if c.failed != nil {
		return c.failed
	}
	before := c.manifest
	m := *before
	change(&m)
	c.manifest = &m
	renamed, err := c.writeManifest(c.manifestFiles(c.files), m.Next)
	if !renamed {
		c.manifest = before
		return err
	}
	c.mu.Lock()
	c.settings = m.Settings
	c.mu.Unlock()
	if err != nil { // which manifest a crash leaves is not known
		return c.fail(err)
	}
	return nil
}
