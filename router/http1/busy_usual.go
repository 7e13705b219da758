//go:build !alwaysloops

package http1

const alwaysLoops = false
