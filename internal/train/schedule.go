package train

import (
	"fmt"
	"math"
)

// ScheduleKind is the shape of a learning-rate schedule after warm-up.
type ScheduleKind string

// The schedules of transformers, all with a linear warm-up.
const (
	LinearDecay  ScheduleKind = "linear"   // falls to zero at the last step
	CosineDecay  ScheduleKind = "cosine"   // half a cosine to zero
	ConstantRate ScheduleKind = "constant" // stays
)

// Schedule gives the learning rate over a run as a factor of its peak. It
// agrees with transformers' get_*_schedule_with_warmup.
type Schedule struct {
	Kind   ScheduleKind
	Warmup int // steps
	Total  int // steps
}

// Check refuses unknown kinds and impossible lengths. Errors wrap ErrConfig.
func (s Schedule) Check() error {
	switch s.Kind {
	case LinearDecay, CosineDecay, ConstantRate:
	default:
		return fmt.Errorf("%w: schedule %q; linear, cosine and constant are known", ErrConfig, s.Kind)
	}
	if s.Warmup < 0 || s.Total < 1 || s.Warmup > s.Total {
		return fmt.Errorf("%w: warm-up of %d of %d steps", ErrConfig, s.Warmup, s.Total)
	}
	return nil
}

// Factor is the factor of the update after done others.
func (s Schedule) Factor(done int) float64 {
	if done < s.Warmup {
		return float64(done) / float64(s.Warmup)
	}
	rest := float64(done-s.Warmup) / float64(max(1, s.Total-s.Warmup))
	switch s.Kind {
	case LinearDecay:
		return max(0, 1-rest)
	case CosineDecay:
		return max(0, 0.5*(1+math.Cos(math.Pi*min(1, rest))))
	}
	return 1
}
