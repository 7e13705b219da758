package accesslog

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// waitingBytes is how much may wait for the file: most of a second's lines of as
	// much traffic as there can be.
	waitingBytes = 8 << 20
	batchBytes   = 64 << 10 // of what one write takes
	lineBytes    = 4 << 10  // there is room for when a line is begun: for nearly any
	spareBatches = 32       // that are kept for later lines while there are many,
	spareAtRest  = 4        // and when there are none
)

// batches are the lines that wait for the file, in their order, in pieces of what
// one write takes. They are made where they wait: a copy would cost as much as a
// third of the making. The writer is woken up only for one that comes after a rest.
type batches struct {
	wake    chan struct{} // holds one
	resting atomic.Bool   // the writer waits for a line

	mu      sync.Mutex // guards the rest; held while lines are made
	waiting [][]byte
	open    []byte // has the lines behind those; nil as long as there are none
	bytes   int    // of all that are not written yet
	spare   [][]byte
}

// begin returns the lines that the next one is to be appended to. The caller holds mu.
func (b *batches) begin() []byte {
	if cap(b.open)-len(b.open) < lineBytes {
		b.shut()
		b.open = b.room()
	}
	return b.open
}

// end takes what begin has returned, with one more line, and says whether there was
// room for that. The caller holds mu.
func (b *batches) end(lines []byte) bool {
	size := len(lines) - len(b.open)
	if b.bytes+size > waitingBytes {
		return false
	}
	b.bytes += size
	b.rouse()
	if cap(lines) == cap(b.open) {
		b.open = lines
		return true
	}
	line := bytes.Clone(lines[len(b.open):]) // which had to go elsewhere, with those before it
	b.shut()
	b.waiting = append(b.waiting, line)
	return true
}

// shut has no more lines added to those that there are. The caller holds mu.
func (b *batches) shut() {
	if len(b.open) > 0 {
		b.waiting = append(b.waiting, b.open)
		b.open = nil
	}
}

// rouse wakes the writer if it rests.
func (b *batches) rouse() {
	if !b.resting.Load() || !b.resting.CompareAndSwap(true, false) {
		return
	}
	select {
	case b.wake <- struct{}{}:
	default: // it is on its way
	}
}

// room returns an empty batch. The caller holds mu.
func (b *batches) room() []byte {
	last := len(b.spare) - 1
	if last < 0 {
		return make([]byte, 0, batchBytes)
	}
	batch := b.spare[last]
	b.spare = b.spare[:last]
	return batch
}

// take returns what waits, in order. When that is nothing, the next line wakes the
// writer, or the news that there will be one. A former result is used again.
func (b *batches) take(former [][]byte) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut()
	taken := b.waiting
	b.waiting = former[:0]
	if len(taken) == 0 {
		b.spare = slices.Delete(b.spare, min(len(b.spare), spareAtRest), len(b.spare))
	}
	b.resting.Store(len(taken) == 0)
	return taken
}

// done takes back the room of a batch that was written, or lost.
func (b *batches) done(batch []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= len(batch)
	if cap(batch) == batchBytes && len(b.spare) < spareBatches {
		b.spare = append(b.spare, batch[:0])
	}
}
