package encoder

// ShareAll lets helpers take part in calls of any size.
func (p *Packed) ShareAll() { p.minWork = 1 }
