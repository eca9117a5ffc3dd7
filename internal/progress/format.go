package progress

import (
	"fmt"
	"strconv"
	"time"
)

// Count writes n with commas between thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	digits := len(s)
	if n < 0 {
		digits--
	}
	for i := len(s) - 3; digits > 3; i, digits = i-3, digits-3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bytes writes a size in decimal units with about three digits.
func Bytes(n int64) string {
	value, unit := scale(n)
	return value + " " + unit
}

func scale(n int64) (value, unit string) {
	x := float64(n)
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for x >= 999.5 && i < len(units)-1 {
		x /= 1000
		i++
	}
	switch {
	case i == 0:
		return strconv.FormatInt(n, 10), units[i]
	case x < 9.995:
		return fmt.Sprintf("%.2f", x), units[i]
	case x < 99.95:
		return fmt.Sprintf("%.1f", x), units[i]
	}
	return fmt.Sprintf("%.0f", x), units[i]
}

// Duration writes a time as people say it: 850 ms, 3.2 s, 4:05, 1:02:03.
func Duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return clock(d)
}

// clock writes minutes and seconds, and hours where there are any.
func clock(d time.Duration) string {
	s := int64(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Rate writes a count per second.
func Rate(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return Count(int64(perSecond+0.5)) + "/s"
}
