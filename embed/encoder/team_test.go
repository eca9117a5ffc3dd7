package encoder

import (
	"runtime"
	"sync/atomic"
	"testing"
)

func TestTeamDoesEveryTicketOnce(t *testing.T) {
	var done [300]atomic.Int32
	team := newTeam(5, func(_, ticket int) { done[ticket].Add(1) })
	before := runtime.NumGoroutine()
	for size := 1; size <= 5; size++ {
		team.start(size)
		phases := 200
		for phase := range phases {
			for i := range done {
				done[i].Store(0)
			}
			n := phase % (len(done) + 1)
			team.share(n)
			for i := range done {
				want := int32(0)
				if i < n {
					want = 1
				}
				if got := done[i].Load(); got != want {
					t.Fatalf("team of %d, %d tickets: ticket %d ran %d times", size, n, i, got)
				}
			}
		}
		team.stop()
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched() // helpers have said goodbye and are about to end
	}
}

// Helpers that fall asleep in a long ticket of another must wake for the next
// phase, and so must the owner.
func TestTeamSleepsAndWakes(t *testing.T) {
	release := make(chan struct{})
	team := newTeam(3, func(worker, ticket int) {
		if ticket == 0 {
			<-release
		}
	})
	for range 20 {
		team.start(3)
		go func() {
			for range 10 {
				for range 20 * spins {
					runtime.Gosched()
				}
				release <- struct{}{}
			}
		}()
		for range 10 {
			team.share(4)
		}
		team.stop()
	}
}

func TestTeamAllocatesNothing(t *testing.T) {
	team := newTeam(4, func(int, int) {})
	if n := testing.AllocsPerRun(20, func() {
		team.start(4)
		team.share(100)
		team.share(100)
		team.stop()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
