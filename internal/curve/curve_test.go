package curve

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	update   = flag.Bool("update", false, "rewrite the golden picture")
	pictures = flag.String("pictures", "", "folder to write all pictures to, to look at them")
)

// falling is a noisy loss with scores every hundredth of the way.
func falling(name string, n int, floor, speed float64, seed uint64) Series {
	r := rand.New(rand.NewPCG(seed, 0))
	s := Series{Name: name}
	for i := range n {
		x := float64(i + 1)
		loss := floor + (9-floor)*math.Exp(-x*speed/float64(n)) + 0.15*r.NormFloat64()
		s.Loss = append(s.Loss, Point{x, math.Max(loss, 0.01)})
		if (i+1)%max(1, n/20) == 0 {
			s.Score = append(s.Score, Point{x, 0.8 - 0.5*math.Exp(-x*speed/2/float64(n)) + 0.01*r.NormFloat64()})
		}
	}
	return s
}

func runs(n int) []Series {
	var list []Series
	for i := range n {
		list = append(list, falling(fmt.Sprintf("run-%c", 'a'+i), 3000+500*i, 1.2+0.2*float64(i), 5+float64(i), uint64(i)))
	}
	return list
}

// cases are pictures of all sorts.
func cases() map[string]struct {
	list []Series
	o    Options
} {
	type c = struct {
		list []Series
		o    Options
	}
	nan := math.NaN()
	spike := falling("spike", 2000, 1, 8, 3)
	for i := 900; i < 905; i++ {
		spike.Loss[i].Y = 1e30
	}
	broken := falling("diverged", 1000, 1, 8, 4)
	for i := 600; i < 1000; i++ {
		broken.Loss[i].Y = nan
	}
	broken.Score[12].Y = math.Inf(1)
	long := falling(strings.Repeat("a-very-long-name-", 12), 400, 1, 4, 5)
	return map[string]c{
		"one":        {runs(1), Options{Title: "Masked language model", Score: "accuracy"}},
		"three":      {runs(3), Options{Title: "Distillation", Score: "Spearman"}},
		"many":       {runs(12), Options{}},
		"log":        {runs(2), Options{X: Log, Y: Log}},
		"point":      {[]Series{{Name: "point", Loss: []Point{{1, 2.5}}}}, Options{}},
		"flat":       {[]Series{{Name: "flat", Loss: []Point{{1, 0}, {2, 0}, {3, 0}}, Score: []Point{{3, 0.5}}}}, Options{}},
		"scores":     {[]Series{{Name: "s", Score: []Point{{100, 0.1}, {200, -0.2}, {300, nan}, {400, 0.3}}}}, Options{}},
		"spike":      {[]Series{spike, broken}, Options{}},
		"small":      {[]Series{long}, Options{Width: 1, Height: 1}},
		"hundred":    {[]Series{falling("백 걸음 <&>", 100, 2, 3, 6)}, Options{Title: "한국어 <제목>"}},
		"huge":       {[]Series{falling("huge", 300000, 1, 10, 7)}, Options{Y: Linear}},
		"two points": {[]Series{{Loss: []Point{{1, 3}, {2, 2}}}}, Options{}},
	}
}

func TestPictures(t *testing.T) {
	for name, c := range cases() {
		t.Run(name, func(t *testing.T) {
			var svg, picture bytes.Buffer
			if err := SVG(&svg, c.list, c.o); err != nil {
				t.Fatal(err)
			}
			checkSVG(t, svg.Bytes())
			if svg.Len() > 220_000*len(c.list) {
				t.Errorf("%d bytes for %d runs", svg.Len(), len(c.list))
			}
			c.o.Dark = name == "three"
			if *pictures == "" && c.o.Width == 0 {
				c.o.Width, c.o.Height = 480, 300 // drawn sooner
			}
			if err := PNG(&picture, c.list, c.o); err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(picture.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if o := c.o.withDefaults(); img.Bounds().Dx() != 2*o.Width || img.Bounds().Dy() != 2*o.Height {
				t.Errorf("%v for %d x %d", img.Bounds(), o.Width, o.Height)
			}
			if dir := *pictures; dir != "" {
				for ext, data := range map[string][]byte{".svg": svg.Bytes(), ".png": picture.Bytes()} {
					if err := os.WriteFile(filepath.Join(dir, name+ext), data, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// checkSVG says that a picture is well formed, that its numbers are, and that
// everything but clipped curves lies within it.
func checkSVG(t *testing.T, data []byte) {
	t.Helper()
	for _, bad := range []string{"NaN", "Inf", "e+", "%!"} {
		if bytes.Contains(data, []byte(bad)) {
			t.Errorf("it has %s", bad)
		}
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoldenSVG(t *testing.T) {
	list := []Series{falling("first", 40, 1, 5, 1), falling("second", 30, 1.5, 5, 2)}
	var got bytes.Buffer
	if err := SVG(&got, list, Options{Title: "Golden", Score: "accuracy"}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("testdata", "golden.svg")
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the picture differs from %s; look at it, then run with -update", name)
	}
}

func TestNothingToDraw(t *testing.T) {
	for _, list := range [][]Series{
		nil, {{Name: "empty"}}, {{Loss: []Point{{1, math.NaN()}}, Score: []Point{{math.Inf(1), 2}}}},
	} {
		if err := SVG(io.Discard, list, Options{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("SVG: %v", err)
		}
		if err := PNG(io.Discard, list, Options{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("PNG: %v", err)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		log       bool
		n         int
		want      string
	}{
		{0, 10, false, 5, "0 2 4 6 8 10"},
		{0.13, 0.97, false, 5, "0.2 0.4 0.6 0.8"},
		{-0.3, 0.3, false, 4, "-0.2 0.0 0.2"},
		{1, 100000, false, 4, "50,000 100,000"},
		{1, 1000, true, 6, "1 3 10 30 100 300 1,000"},
		{0.02, 12, true, 8, "0.02 0.05 0.1 0.2 0.5 1 2 5 10"},
		{2.1, 2.4, true, 5, "2.1 2.2 2.3 2.4"},
		{1e-9, 2e-9, false, 2, "1e-09 1.5e-09 2e-09"},
	} {
		a := newAxis(c.low, c.high, c.log, 0, 100, c.n)
		if got := strings.Join(a.labels(), " "); got != c.want {
			t.Errorf("%g to %g: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

// TestAxisIsSane tries ranges of all sizes.
func TestAxisIsSane(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		low := (r.Float64() - 0.3) * math.Pow(10, float64(r.IntN(40)-20))
		high := low + r.Float64()*math.Pow(10, float64(r.IntN(40)-20))
		n := 1 + r.IntN(12)
		a := newAxis(low, high, r.IntN(2) == 0 && low > 0, 50, 500, n)
		if len(a.ticks) > 4*n+6 || len(a.labels()) != len(a.ticks) {
			t.Fatalf("seed %d: %g to %g has %d ticks for %d", seed, low, high, len(a.ticks), n)
		}
		for _, v := range a.ticks {
			if p := a.at(v); math.IsNaN(p) || p < 45 || p > 505 {
				t.Fatalf("seed %d: %g to %g: tick %g at pixel %g", seed, low, high, v, p)
			}
		}
	}
}

func TestThin(t *testing.T) {
	points := make([]Point, 100_000)
	for i := range points {
		points[i] = Point{float64(i), math.Sin(float64(i) / 500)}
	}
	points[777].Y, points[55_555].Y, points[60_000].Y = 50, -50, math.NaN()
	got := thin(points, most)
	low, high, gaps := 0.0, 0.0, 0
	for i, p := range got {
		if i > 0 && p.X <= got[i-1].X {
			t.Fatalf("out of order at %d", i)
		}
		if !finite(p) {
			gaps++
			continue
		}
		low, high = min(low, p.Y), max(high, p.Y)
	}
	if len(got) > most || got[0] != points[0] || got[len(got)-1] != points[len(points)-1] || low != -50 || high != 50 || gaps != 1 {
		t.Errorf("%d points from %v to %v, %g to %g, %d gaps", len(got), got[0], got[len(got)-1], low, high, gaps)
	}
	if same := thin(points[:most], most); len(same) != most {
		t.Errorf("%d of %d points", len(same), most)
	}
}

func TestSmooth(t *testing.T) {
	flat := make([]Point, 500)
	for i := range flat {
		flat[i] = Point{float64(i), 3}
	}
	flat[100].Y = math.NaN()
	for i, p := range smooth(flat) {
		if i != 100 && math.Abs(p.Y-3) > 1e-12 || i == 100 && !math.IsNaN(p.Y) {
			t.Fatalf("%g at %d", p.Y, i)
		}
	}
	slope := make([]Point, 800)
	for i := range slope {
		slope[i] = Point{float64(i), 7 - float64(i)/200}
	}
	for i, p := range smooth(slope[5:795]) {
		if i > 20 && i < 770 && math.Abs(p.Y-slope[i+5].Y) > 1e-9 { // but for the outermost values
			t.Fatalf("%g at %d, want %g", p.Y, i, slope[i+5].Y)
		}
	}
	if got := smooth([]Point{{1, 2}}); got[0].Y != 2 {
		t.Error(got)
	}
}
