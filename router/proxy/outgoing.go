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

// begin makes the request one like r, with its headers but for those that belong
// to the client's connection, and those that the client says do but for the names
// in keep. It shares the values with r: they are replaced, never written to.
func (o *outgoing) begin(r *http.Request, keep []string) *http.Request {
	if o.header == nil {
		o.header = make(http.Header, 32)
	}
	for name, values := range r.Header {
		o.header[name] = values
	}
	removeHopByHop(o.header, keep)
	o.req, o.url = *r, *r.URL
	o.req.URL, o.req.Header = &o.url, o.header
	return &o.req
}
