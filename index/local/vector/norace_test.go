//go:build !race

package vector

// mostAllocations of a search: its results, and what the scan that it might
// fall back to is made of.
const mostAllocations = 4
