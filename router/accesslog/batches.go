package accesslog

import "sync"

const (
	// waitingBytes is how much may wait for the file: most of a second's lines of as
	// much traffic as there can be.
	waitingBytes = 8 << 20
	batchBytes   = 64 << 10 // of what one write takes
	spareBatches = 4        // that are kept for later lines
)

// batches are the lines that wait for the file, in their order, in pieces of what
// one write takes. To add a line is to copy it: the writer is woken up only for
// one that comes after a rest.
type batches struct {
	wake chan struct{} // holds one

	mu      sync.Mutex // guards the rest; held to copy a line
	waiting [][]byte
	bytes   int  // of all that are not written yet
	resting bool // the writer waits for a line
	spare   [][]byte
}

// add adds a line, and says whether there was room. It never blocks.
func (b *batches) add(line []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+len(line) > waitingBytes {
		return false
	}
	b.bytes += len(line)
	last := len(b.waiting) - 1
	if last < 0 || len(b.waiting[last])+len(line) > cap(b.waiting[last]) {
		b.waiting = append(b.waiting, b.room(len(line)))
		last++
	}
	b.waiting[last] = append(b.waiting[last], line...)
	b.wakeUp()
	return true
}

// rouse wakes the writer if it rests.
func (b *batches) rouse() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakeUp()
}

// wakeUp is rouse for who holds mu.
func (b *batches) wakeUp() {
	if !b.resting {
		return
	}
	b.resting = false
	select {
	case b.wake <- struct{}{}:
	default: // it is on its way
	}
}

// room returns an empty batch in which a line fits. The caller holds mu.
func (b *batches) room(size int) []byte {
	last := len(b.spare) - 1
	if size > batchBytes || last < 0 {
		return make([]byte, 0, max(size, batchBytes))
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
	taken := b.waiting
	b.waiting = former[:0]
	b.resting = len(taken) == 0
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
