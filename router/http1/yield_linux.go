package http1

import _ "unsafe" // for go:linkname

// goyield has the other goroutines of the processor go first, if there are any. Unlike
// runtime.Gosched it wakes no thread up to look for work, which would find only this
// goroutine and take it over. Go promises to keep it: go.dev/issue/67401.
//
//go:linkname goyield runtime.goyield
func goyield()
