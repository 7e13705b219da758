package accesslog

import (
	"bytes"
	"os"
)

// batchWriter gathers the lines that wait and hands them to the file in one
// write. It belongs to the goroutine of Run.
type batchWriter struct {
	log   *Log
	batch []byte
	torn  *os.File // where a write broke off within a line; nil when none did
}

// drain writes what waits, and returns when nothing does.
func (w *batchWriter) drain() {
	for {
		select {
		case ln := <-w.log.queue:
			w.write(ln)
		default:
			return
		}
	}
}

// write writes one line and those that wait behind it.
func (w *batchWriter) write(first *line) {
	w.gather(first)
	n, err := w.store()
	if err != nil {
		w.log.lose(int64(bytes.Count(w.batch[n:], newline)), err)
	}
	if cap(w.batch) > 2*batchBytes {
		w.batch = nil // one huge line must not stay in memory
	}
}

func (w *batchWriter) gather(ln *line) {
	w.batch = w.batch[:0]
	for {
		w.batch = append(w.batch, ln.bytes...)
		w.log.took(ln)
		ln.free()
		if len(w.batch) >= batchBytes {
			return
		}
		select {
		case ln = <-w.log.queue:
		default:
			return
		}
	}
}

var newline = []byte{'\n'}

// store returns how much of the batch is in the file.
func (w *batchWriter) store() (int, error) {
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
	n, err := file.Write(w.batch)
	if n > 0 && w.batch[n-1] != '\n' {
		w.torn = file
	}
	return n, err
}
