package local

import "context"

// Settle waits until nothing is left to do in the background: no graph of
// vectors, no compaction and no passages on their way to the keyword leg's
// files. Writes that come meanwhile may make more due, and are waited for as
// well. It is for measurements and tests; no call needs it.
func (c *Collection) Settle(ctx context.Context) error {
	for {
		idle, err := c.busy(ctx)
		if err != nil || idle == nil {
			return err
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// busy returns what is closed when work that is under way in the background has
// ended; nil if there is none.
func (c *Collection) busy(ctx context.Context) (idle chan struct{}, err error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	err = c.do(&request{ctx: ctx, inspect: func() {
		if c.sealing != nil || c.running != nil || c.flushing != nil {
			idle = make(chan struct{})
			c.waiting = append(c.waiting, idle)
		}
	}})
	return idle, err
}

// wake lets those go on who wait for work in the background.
func (c *Collection) wake() {
	for _, idle := range c.waiting {
		close(idle)
	}
	c.waiting = nil
}
