//go:build !amd64

package peak

import "semdex/internal/kernel"

func loopF32(kernel.Level) loop  { return loop{} }
func loopInt8(kernel.Level) loop { return loop{} }
