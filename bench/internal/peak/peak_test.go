package peak

import (
	"testing"
	"time"

	"semdex/internal/kernel"
)

// TestEveryLevelOfThisProcessor runs each loop for a moment. What it measures
// is not checked but for being a speed: the machine may be busy.
func TestEveryLevelOfThisProcessor(t *testing.T) {
	best, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	for level := kernel.Plain; level <= best; level++ {
		for _, threads := range []int{1, 2} {
			f32, i8 := F32(level, threads, time.Millisecond), Int8(level, threads, time.Millisecond)
			t.Logf("%v, %d threads: %.0f GFLOP/s, %.0f GOP/s", level, threads, f32/1e9, i8/1e9)
			if has := loopF32(level).run != nil; (f32 > 1e6) != has {
				t.Errorf("%v: %v float32 operations a second", level, f32)
			}
			if has := loopInt8(level).run != nil; (i8 > 1e6) != has {
				t.Errorf("%v: %v byte operations a second", level, i8)
			}
		}
	}
}
