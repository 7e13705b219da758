//go:build alwaysloops

package http1

// alwaysLoops is for tests: what is to hold holds in loops as well.
const alwaysLoops = true
