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
		if !isHopByHop(name) && !isAlias(name) {
			o.header[name] = values
		}
	}
	removeNamed(o.header, r.Header["Connection"], keep)
	o.req, o.url = *r, *r.URL
	o.req.URL, o.req.Header = &o.url, o.header
	return &o.req
}
