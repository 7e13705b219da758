package proxy

import (
	"net/http"
	"net/url"
)

// outgoing is what the request that goes out is made of, so that none of it is
// made anew for each exchange.
type outgoing struct {
	req    http.Request
	url    url.URL
	header http.Header

	fields [9][2]string // our own, whose names header does not have: prepare's, and behind them address's
	ours   int          // how many there are,
	fixed  int          // and how many of them are prepare's
}

// fewHeaders are as many as the smallest map but one has room for. To go through a
// map, or to clear it, takes as long as it is large, not as it is full.
const fewHeaders = 14

// begin makes the request one like r, with its headers but for those that belong
// to the client's connection, those that the client says do but for the names in
// keep, and those that could be taken for ours. It shares the values with r: they
// are replaced, never written to.
func (o *outgoing) begin(r *http.Request, keep []string) *http.Request {
	if o.header == nil {
		o.header = make(http.Header, fewHeaders)
	}
	for name, values := range r.Header {
		if !isHopByHop(name) && !isOurs(name) && !isAlias(name) {
			o.header[name] = values
		}
	}
	removeNamed(o.header, r.Header["Connection"], keep)
	o.ours, o.fixed = 0, 0
	o.req, o.url = *r, *r.URL
	o.req.URL, o.req.Header = &o.url, o.header
	return &o.req
}

// isOurs says whether a header is set by the router whatever the client says.
func isOurs(name string) bool {
	switch name {
	case headerRequestID, headerHops, headerApplicationID, headerInstanceIndex, headerInstanceID, headerAppInstance:
		return true
	}
	return false
}

// add adds a header of our own.
func (o *outgoing) add(name, value string) {
	o.fields[o.ours] = [2]string{name, value}
	o.ours++
}

// fix keeps what has been added, whatever endpoint the request goes to.
func (o *outgoing) fix() { o.fixed = o.ours }

// readdress removes what has been added for one endpoint.
func (o *outgoing) readdress() { o.ours = o.fixed }

// own is what has been added.
func (o *outgoing) own() [][2]string { return o.fields[:o.ours] }

// fold puts what has been added into the header, for those who know only that.
func (o *outgoing) fold() {
	for _, f := range o.own() {
		o.header[f[0]] = []string{f[1]}
	}
	o.ours, o.fixed = 0, 0
}
