//go:build race

package vector

// mostAllocations of a search: under the race detector pools lose things on
// purpose.
const mostAllocations = 30
