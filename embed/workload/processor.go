package workload

import (
	"bufio"
	"os"
	"strings"
)

// Processor is the name of the processor, "" where it cannot be told.
func Processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "" // not Linux
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
