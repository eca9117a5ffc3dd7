package kernel

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Registers above 15 exist only with AVX-512; the generator would hand them to
// an AVX2 function that runs out of the others.
func TestAVX2FunctionsUseOnlyItsRegisters(t *testing.T) {
	var src []byte
	for _, name := range []string{"zz_kernel_amd64.s", "zz_train_amd64.s"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		src = append(src, text...)
	}
	high := regexp.MustCompile(`\b[XYZ](1[6-9]|2\d|3[01])\b|\bZ\d+\b|\bK[0-7]\b`)
	name, seen := "", 0
	for line := range strings.Lines(string(src)) {
		if strings.HasPrefix(line, "TEXT") {
			name = line
			if strings.Contains(name, "AVX2") {
				seen++
			}
		}
		if strings.Contains(name, "AVX2") && high.MatchString(line) {
			t.Fatalf("%s uses %s", strings.TrimSpace(name), strings.TrimSpace(line))
		}
	}
	if seen == 0 {
		t.Fatal("no AVX2 function found")
	}
}
