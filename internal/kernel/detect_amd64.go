package kernel

import "golang.org/x/sys/cpu"

// detect asks the processor, and through x/sys/cpu the operating system's
// saved register state, for the best level.
func detect() Level {
	x := cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA || !x.HasF16C:
		return Plain
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL:
		return AVX2
	case !x.HasAVX512VNNI:
		return AVX512
	}
	return VNNI
}
