package kernel

// HugeBytes allocates zeroed memory that the system is asked to back with huge
// pages: for large tables that are read in random order, where looking up small
// pages would cost as much as the reading.
func HugeBytes(n int) []byte {
	b := make([]byte, n)
	adviseHuge(b)
	return b
}
