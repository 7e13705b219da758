package accesslog

import (
	"bytes"
	"context"
	"os"
	"time"
)

// gatherFor is how long lines come together between two writes. A line by itself
// is written at once; under load a write is for many, and so is waking up for it, which
// costs the threads that serve more than the writer: with 10 ms a line costs half as much again.
const gatherFor = 50 * time.Millisecond

// fileWriter hands the lines that wait to the file, and has those made that are
// expected, also where there is no file. It belongs to the goroutine of Run.
type fileWriter struct {
	log   *Log
	taken [][]byte
	torn  *os.File // where a write broke off within a line; nil when none did
}

// run writes until ctx ends, and then the rest. Once that is known, it calls last.
func (w *fileWriter) run(ctx context.Context, last func()) {
	defer last()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		wake := w.log.waiting.wake
		if w.write() {
			pause.Reset(gatherFor)
			wake = nil // what comes meanwhile is written together
		}
		select {
		case <-wake:
		case <-pause.C:
		case <-ctx.Done():
			w.log.catchUp()
			last()
			for w.write() {
			}
			return
		}
	}
}

// write writes what waits, and says whether anything did.
func (w *fileWriter) write() bool {
	w.log.catchUp()
	w.taken = w.log.waiting.take(w.taken)
	if len(w.taken) == 0 {
		w.log.catchUp() // what ended before it was known that this goroutine rests
	}
	for n, batch := range w.taken {
		stored, err := w.store(batch)
		if err != nil {
			w.log.lose(int64(bytes.Count(batch[stored:], newline)), err)
		}
		w.taken[n] = nil
		w.log.waiting.done(batch)
	}
	return len(w.taken) > 0
}

var newline = []byte{'\n'}

// store returns how much of a batch is in the file.
func (w *fileWriter) store(batch []byte) (int, error) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	file := w.log.file
	if file == w.torn {
		// The rest of the torn line is lost; the next one must not continue it.
		if _, err := file.Write(newline); err != nil {
			return 0, err
		}
	}
	w.torn = nil
	n, err := file.Write(batch)
	if n > 0 && batch[n-1] != '\n' {
		w.torn = file
	}
	return n, err
}
