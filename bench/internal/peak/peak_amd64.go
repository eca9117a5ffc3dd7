package peak

import "semdex/internal/kernel"

// fmaAVX512 runs n rounds of 16 vfmadd231ps on 16 floats.
//
//go:noescape
func fmaAVX512(n int)

// fmaAVX2 runs n rounds of 12 vfmadd231ps on 8 floats.
//
//go:noescape
func fmaAVX2(n int)

// dotVNNI runs n rounds of 16 vpdpbusd on 64 pairs of bytes.
//
//go:noescape
func dotVNNI(n int)

func loopF32(l kernel.Level) loop {
	switch {
	case l >= kernel.AVX512:
		return loop{fmaAVX512, 16 * 16 * 2}
	case l == kernel.AVX2:
		return loop{fmaAVX2, 12 * 8 * 2}
	}
	return loop{}
}

func loopInt8(l kernel.Level) loop {
	if l >= kernel.VNNI {
		return loop{dotVNNI, 16 * 64 * 2}
	}
	return loop{}
}
