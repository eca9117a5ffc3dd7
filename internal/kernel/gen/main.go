// Command gen writes the assembly of package kernel. Run it through
// go generate in internal/kernel.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// isa is a vector width with the names it goes by.
type isa struct {
	name  string
	lanes int // float32 values in a register
	rows  int // tallest GEMM tile: rows*2 accumulators and room for operands
}

var (
	avx2   = isa{"AVX2", 8, 6}
	avx512 = isa{"AVX512", 16, 12}
)

// vec allocates a vector register.
func (i isa) vec() reg.VecVirtual {
	if i.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// bytes is the size of a vector register.
func (i isa) bytes() int { return 4 * i.lanes }

// zero clears a vector register.
func (i isa) zero(v reg.VecVirtual) {
	if i.lanes == 16 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

func main() {
	ConstraintExpr("amd64")
	for _, i := range []isa{avx2, avx512} {
		for rows := 1; rows <= i.rows; rows++ {
			gemmF32(i, form{name: "", vecs: 2}, rows)
			gemmF32(i, form{name: "T", vecs: 2, transposed: true}, rows)
		}
		transpose(i)
		softmaxColumns(i, 2)
		softmax(i)
		gelu(i)
		layerNorm(i)
		dot(i)
		axpy(i)
		scale(i)
		widenF16(i)
	}
	for rows := 1; rows <= avx512.rows; rows++ {
		gemmF32(avx512, form{name: "Narrow", vecs: 1}, rows)
		gemmI8(rows)
	}
	softmaxColumns(avx512, 1)
	for rows := 1; rows <= avx2.rows; rows++ {
		gemmI8Wide(rows)
	}
	quantize(avx2)
	quantize(avx512)
	largest()
	roundWeights()
	byteAttention()
	dotsAVX2()
	dotsVNNI()
	pause()
	Generate()
	writeDispatch([]tileFamily{
		{"gemmF32AVX2", avx2.rows, gemmF32Params, gemmF32Args},
		{"gemmF32TAVX2", avx2.rows, gemmF32Params, gemmF32Args},
		{"gemmF32AVX512", avx512.rows, gemmF32Params, gemmF32Args},
		{"gemmF32TAVX512", avx512.rows, gemmF32Params, gemmF32Args},
		{"gemmF32NarrowAVX512", avx512.rows, gemmF32Params, gemmF32Args},
		{"gemmI8AVX2", avx2.rows, gemmI8Params, gemmI8Args},
		{"gemmI8VNNI", avx512.rows, gemmI8Params, gemmI8Args},
	})
}

// pause writes a short wait for loops that poll.
func pause() {
	TEXT("Pause", NOSPLIT, "func()")
	Doc("Pause gives way to the processor's other thread for about 0.2 µs, in a loop that polls.")
	for range 10 {
		PAUSE()
	}
	RET()
}
