package accesslog

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// late is where records wait that somebody else keeps until a log asks for them.
type late struct {
	log *Log

	mu      sync.Mutex // guards records
	records []*Record
}

func newLate(l *Log) *late {
	w := &late{log: l}
	l.OnWrite(w.catchUp)
	return w
}

func (w *late) add(r *Record) {
	w.mu.Lock()
	w.records = append(w.records, r)
	first := len(w.records) == 1
	w.mu.Unlock()
	if first {
		w.log.Expect()
	}
}

func (w *late) catchUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log.Write(w.records...)
	w.records = nil
}

// A line that is expected is there as soon as one that is written, and in the end.
func TestExpectedLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "access.log")
		l, err := Open(Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		late := newLate(l)
		stop := run(t, l)
		synctest.Wait()
		wantLines := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := strings.Count(read(t, path), "\n"); got != want {
				t.Errorf("%s: got %d lines, want %d", when, got, want)
			}
		}
		for n := range 3 { // each time after a rest
			late.add(example())
			wantLines("the first", 3*n+1)
			late.add(example())
			late.add(example())
			wantLines("those behind it", 3*n+1)
			time.Sleep(gatherFor)
			wantLines("a while later", 3*n+3)
			time.Sleep(time.Minute)
		}
		late.add(example())
		late.add(example())
		stop()
		wantLines("in the end", 11)
	})
}

func TestExpectedLinesAreStreamed(t *testing.T) {
	l := receiver(t, 0)
	log, err := Open(Options{Syslog: Syslog{Network: "tcp", Addr: l.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	late := newLate(log)
	stop := run(t, log)
	late.add(requestTo("/first"))
	_, r := accept(t, l)
	if got := readLine(t, r); !strings.Contains(got, "/first") {
		t.Errorf("got %s", got)
	}
	late.add(requestTo("/last"))
	stop()
	if got := readLine(t, r); !strings.Contains(got, "/last") {
		t.Errorf("in the end: got %s", got)
	}
}
