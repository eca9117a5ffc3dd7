package main

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// dial connects a side to a server in this process.
func dial(t *testing.T, serve func(io.Reader, io.Writer) error) *side {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := serve(inR, outW)
		outW.CloseWithError(err)
		done <- err
	}()
	t.Cleanup(func() {
		inW.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &side{name: "test", in: inW, out: bufio.NewReader(outR)}
}

// TestOurs: vectors come back in the order of the sentences, whatever batches
// they went in.
func TestOurs(t *testing.T) {
	s := dial(t, func(r io.Reader, w io.Writer) error { return serveOurs(t.Context(), r, w) })
	if err := s.load("nowhere", 1, false); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("load nowhere: %v", err)
	}
	dir := modeltest.Folder(t, model.DistilBERT, modeltest.Options{Normalize: true})
	if err := s.load(dir, 1, false); err != nil {
		t.Fatal(err)
	}
	sentences := [][]int32{{5, 6}, {7, 8, 9, 10}, {11}, {12, 13, 14}}
	if err := s.put("together", [][][]int32{sentences}); err != nil {
		t.Fatal(err)
	}
	if err := s.put("apart", [][][]int32{sentences[:1], sentences[1:3], sentences[3:]}); err != nil {
		t.Fatal(err)
	}
	a, err := s.encode("together")
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.encode("apart")
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != 4 || !slices.EqualFunc(a, b, slices.Equal) {
		t.Errorf("together %v, apart %v", a, b)
	}
	if d, err := s.time("apart", 3); err != nil || d <= 0 {
		t.Errorf("time: %v, %v", d, err)
	}
	if _, err := s.ask(request{Do: "sing"}); err == nil {
		t.Error("sing is answered")
	}
}

func TestComparisons(t *testing.T) {
	a := [][]float32{{3, 4}, {1, 0}}
	if c, err := compare(a, [][]float32{{6, 8}, {1, 1}}); err != nil || math.Abs(c.Least-math.Sqrt2/2) > 1e-9 || math.Abs(c.Mean-(1+math.Sqrt2/2)/2) > 1e-9 {
		t.Errorf("cosines %+v, %v", c, err)
	}
	if d, err := difference(a, [][]float32{{3, 4.5}, {1, 0}}); err != nil || d != 0.125 {
		t.Errorf("difference %v, %v", d, err)
	}
	if _, err := difference(a, [][]float32{{3}, {1}}); err == nil {
		t.Error("other dims are compared")
	}
	if _, err := compare([][]float32{{0, 0}}, [][]float32{{1, 0}}); err == nil {
		t.Error("the zero vector has a cosine")
	}
}

// script answers time requests from a list and notes who was asked.
type script struct {
	side    string
	seconds []float64
	calls   *[]string
}

func (s *script) serve(r io.Reader, w io.Writer) error {
	return serveScript(r, w, func(q request) answer {
		*s.calls = append(*s.calls, s.side+" "+q.Name)
		d := s.seconds[0]
		if len(s.seconds) > 1 {
			s.seconds = s.seconds[1:]
		}
		return answer{Seconds: d * float64(q.Count)}
	})
}

// TestTurns: forwards, then backwards; what took over a second to warm up has
// its first round behind it; what is much too slow is not asked again.
func TestTurns(t *testing.T) {
	var calls []string
	us := dial(t, (&script{"us", []float64{0.1}, &calls}).serve)
	peer := dial(t, (&script{"peer", []float64{2}, &calls}).serve)
	late := dial(t, (&script{"late", []float64{9}, &calls}).serve)
	variants := []*variant{{side: us, name: "a"}, {side: peer, name: "b"}, {side: late, name: "c"}}
	for _, v := range variants {
		if err := v.warmUp(150 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	dropSlow(variants[1:])
	r := &runner{rounds: 3}
	if err := r.turns(t.Context(), variants); err != nil {
		t.Fatal(err)
	}
	want := []string{"us a", "peer b", "late c", "us a", "peer b", "peer b", "us a", "us a"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	if variants[0].count != 2 || len(variants[0].times) != 3 || variants[0].times.median() != 0.1 {
		t.Errorf("us: %+v", variants[0])
	}
	if len(variants[1].times) != 3 || !variants[2].slow || len(variants[2].times) != 1 {
		t.Errorf("peer: %+v, late: %+v", variants[1], variants[2])
	}
}
