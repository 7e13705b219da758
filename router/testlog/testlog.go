// Package testlog is what tests let logs, or whole processes, write to. It is for
// tests only: no shipping package imports it.
package testlog

import (
	"bytes"
	"sync"
)

// Buffer holds what is written to it and may be read meanwhile. Its zero value is
// empty.
type Buffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
