package router

import (
	"strings"
	"sync"

	"devrouter/router/accesslog"
)

// What runs for many requests in a row is several times cheaper than what runs at
// the end of each: between two of them the system's own code drives it out of the
// processor's caches.
const (
	batchSize  = 64        // requests that are accounted for at once
	batchHeads = 256 << 10 // bytes of heads that wait with them; the last one may be more
)

// ended are the requests that have ended and have yet to be accounted for. No clock
// sees to that: whoever reads an account calls settle first, and the access log does
// before it writes. Make it with newEnded.
type ended struct {
	account func([]*accesslog.Record)
	log     *accesslog.Log // which does not wait for a reader; may be nil

	settling sync.Mutex // guards spare; held while account runs, locked before mu
	spare    *batch     // what was accounted for last

	mu      sync.Mutex // guards waiting; held to keep one record
	waiting *batch
}

// newEnded returns an ended that calls account with requests in the order of their
// ends, one call after the other. It must not keep them. The log is one of the accounts.
func newEnded(log *accesslog.Log, account func([]*accesslog.Record)) *ended {
	return &ended{log: log, account: account, spare: new(batch), waiting: new(batch)}
}

// add has a request accounted for, soon or when somebody asks. It keeps nothing of
// the record but copies.
func (e *ended) add(r *accesslog.Record) {
	if isOdd(r) {
		e.addOdd(r)
		return
	}
	e.mu.Lock()
	for e.waiting.isFull() { // others came before who filled it has settled it
		e.mu.Unlock()
		e.settle()
		e.mu.Lock()
	}
	e.waiting.add(r, e.log)
	first, full := len(e.waiting.records) == 1, e.waiting.isFull()
	e.mu.Unlock()
	if full {
		e.settle()
	} else if first {
		e.log.Expect()
	}
}

// addOdd accounts for a request at once.
func (e *ended) addOdd(r *accesslog.Record) {
	e.settling.Lock()
	defer e.settling.Unlock()
	e.settleWaiting()
	e.account([]*accesslog.Record{r})
}

// settle accounts for all that have ended.
func (e *ended) settle() {
	e.settling.Lock()
	defer e.settling.Unlock()
	e.settleWaiting()
}

// settleWaiting is settle for who holds settling.
func (e *ended) settleWaiting() {
	e.mu.Lock()
	records := e.waiting.records
	if len(records) > 0 {
		e.spare.reset()
		e.waiting, e.spare = e.spare, e.waiting
	}
	e.mu.Unlock()
	if len(records) > 0 {
		e.account(records)
	}
}

// isOdd says whether more matters of a request than a batch keeps: the log of requests
// shows it, or the metrics count it, as they do an empty Content-Length.
func isOdd(r *accesslog.Record) bool {
	if r.Capture != nil || r.Cause != nil || r.Listed != 0 || r.Upgraded {
		return true
	}
	if r.Plain {
		return false
	}
	if len(r.Request.Header["Upgrade"]) > 0 {
		return true
	}
	for _, length := range r.Request.Header["Content-Length"] {
		if strings.TrimSpace(length) == "" {
			return true
		}
	}
	return false
}

// batch is the records of some requests in the order of their ends. Its zero value
// is empty and ready.
type batch struct {
	kept    [batchSize]accesslog.Kept
	records []*accesslog.Record // those of kept that are in use
	heads   int                 // bytes
}

func (b *batch) isFull() bool { return len(b.records) == batchSize || b.heads >= batchHeads }

func (b *batch) add(r *accesslog.Record, log *accesslog.Log) {
	k := &b.kept[len(b.records)]
	k.Set(r, log)
	b.records = append(b.records, &k.Record)
	b.heads += r.HeadBytes
}

func (b *batch) reset() { b.records, b.heads = b.records[:0], 0 }
