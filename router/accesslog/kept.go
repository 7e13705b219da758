package accesslog

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
)

// Kept is a copy of a record that outlives its request, whose memory the connection
// uses again. It has of the request and of the headers what its readers want of a
// request that has ended: the method, the host, the target, the protocol, whether it
// came over TLS, the client's User-Agent if there is a session, and what a line shows.
//
// The texts are parts of the request's head and keep that in memory.
type Kept struct {
	Record  Record
	request http.Request
	url     url.URL
	shown   lineHeaders
	extra   [][2]string // Record's ForwardedFields: those of Format.ExtraHeaders
}

// overTLS stands for the state of every secure connection.
var overTLS tls.ConnectionState

// Set copies a record, with what a line of the log shows of it; the log may be nil.
func (k *Kept) Set(r *Record, l *Log) {
	k.Record = *r
	k.Record.Request, k.Record.Forwarded, k.Record.ForwardedFields = &k.request, nil, nil
	if r.RouterError != "" {
		k.Record.RouterError = strings.Clone(r.RouterError) // a part of the reply's head
	}
	to, from := &k.request, r.Request
	to.Method, to.Host, to.RequestURI, to.Proto = from.Method, from.Host, from.RequestURI, from.Proto
	to.TLS, to.Header = nil, nil
	if from.TLS != nil {
		to.TLS = &overTLS
	}
	if r.Session.Cookie != "" {
		k.setSession(r)
	}
	if l != nil {
		k.setLine(r, &l.format)
	}
}

// setSession copies the session, which may be of the reply, too.
func (k *Kept) setSession(r *Record) {
	cookie, both := len(r.Session.Cookie), r.Session.Cookie+r.Session.Value
	k.Record.Session = Session{Cookie: both[:cookie], Value: both[cookie:]}
	k.keepHeader(r, "User-Agent")
}

// setLine copies what else a line shows.
func (k *Kept) setLine(r *Record, f *Format) {
	k.url = *r.Request.URL
	k.request.URL = &k.url
	k.shown.of(r)
	k.Record.shown = &k.shown
	k.extra = k.extra[:0]
	for _, name := range f.ExtraHeaders {
		k.extra = append(k.extra, [2]string{name, r.Sent(name)})
		k.keepHeader(r, name)
	}
	k.Record.ForwardedFields = k.extra
}

// keepHeader copies a header of the request.
func (k *Kept) keepHeader(r *Record, name string) {
	value := first(r.Request.Header, name)
	if value == "" {
		return
	}
	if k.request.Header == nil {
		k.request.Header = make(http.Header, 1)
	}
	k.request.Header[name] = []string{value}
}
