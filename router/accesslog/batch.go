package accesslog

import "bytes"

// batchWriter gathers the lines that wait and hands them to the file in one
// write. It belongs to the goroutine of Run.
type batchWriter struct {
	l     *Log
	batch []byte
	torn  bool // a write broke off within a line
}

// write writes one line and all those that wait behind it.
func (w *batchWriter) write(first *line) {
	w.begin()
	w.add(first)
	for len(w.batch) < batchBytes {
		select {
		case ln := <-w.l.queue:
			w.add(ln)
			continue
		default:
		}
		break
	}
	w.flush()
}

// drain writes what waits, and returns when nothing does.
func (w *batchWriter) drain() {
	for {
		select {
		case ln := <-w.l.queue:
			w.write(ln)
		default:
			return
		}
	}
}

func (w *batchWriter) begin() {
	if cap(w.batch) > 2*batchBytes {
		w.batch = nil
	}
	w.batch = w.batch[:0]
	if w.torn {
		// The rest of the torn line is lost; the next one must not continue it.
		w.batch = append(w.batch, '\n')
	}
}

func (w *batchWriter) add(ln *line) {
	w.batch = append(w.batch, ln.bytes...)
	w.l.queued.Add(-int64(len(ln.bytes)))
	ln.free()
}

func (w *batchWriter) flush() {
	w.l.mu.Lock()
	n, err := w.l.file.Write(w.batch)
	w.l.mu.Unlock()
	if n > 0 {
		w.torn = w.batch[n-1] != '\n'
	}
	if err != nil {
		w.l.lose(int64(bytes.Count(w.batch[n:], []byte{'\n'})), err)
	}
}
