package router

import (
	"crypto/tls"
	"net/http"
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
// sees to that: whoever reads an account calls settle first. Make it with newEnded.
type ended struct {
	account func([]*accesslog.Record)

	settling sync.Mutex // guards spare; held while account runs, locked before mu
	spare    *batch     // what was accounted for last

	mu      sync.Mutex // guards waiting; held to keep one record
	waiting *batch
}

// newEnded returns an ended that calls account with requests in the order of their
// ends, one call after the other. It must not keep them.
func newEnded(account func([]*accesslog.Record)) *ended {
	return &ended{account: account, spare: new(batch), waiting: new(batch)}
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
	e.waiting.add(r)
	full := e.waiting.isFull()
	e.mu.Unlock()
	if full {
		e.settle()
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

// isOdd says whether more matters of a request than a batch keeps.
func isOdd(r *accesslog.Record) bool {
	if r.Capture != nil || r.Cause != nil || r.Listed != 0 || r.Upgraded || len(r.Request.Header["Upgrade"]) > 0 {
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
	kept    [batchSize]keptRecord
	records []*accesslog.Record // those of kept that are in use
	heads   int                 // bytes
}

func (b *batch) isFull() bool { return len(b.records) == batchSize || b.heads >= batchHeads }

func (b *batch) add(r *accesslog.Record) {
	k := &b.kept[len(b.records)]
	k.set(r)
	b.records = append(b.records, &k.record)
	b.heads += r.HeadBytes
}

func (b *batch) reset() { b.records, b.heads = b.records[:0], 0 }

// keptRecord is a record and what is kept of its request.
type keptRecord struct {
	record  accesslog.Record
	request http.Request
	agent   [1]string // in request's header, when there is one
}

// set copies a record. Texts of the request are parts of its head, which they keep in
// memory; those of the reply are copied.
func (k *keptRecord) set(r *accesslog.Record) {
	k.record = *r
	k.record.Request, k.record.Forwarded, k.record.ForwardedFields = &k.request, nil, nil
	if r.RouterError != "" {
		k.record.RouterError = strings.Clone(r.RouterError)
	}
	to, from := &k.request, r.Request
	to.Method, to.Host, to.RequestURI, to.Proto, to.TLS = from.Method, from.Host, from.RequestURI, from.Proto, nil
	if from.TLS != nil {
		to.TLS = &overTLS
	}
	to.Header = nil
	if r.Session.Cookie != "" {
		k.setSession(r)
	}
}

func (k *keptRecord) setSession(r *accesslog.Record) {
	cookie := len(r.Session.Cookie)
	both := r.Session.Cookie + r.Session.Value
	k.record.Session = accesslog.Session{Cookie: both[:cookie], Value: both[cookie:]}
	k.agent[0] = r.Request.UserAgent()
	k.request.Header = http.Header{"User-Agent": k.agent[:]}
}

// overTLS stands for the state of every secure connection.
var overTLS tls.ConnectionState
