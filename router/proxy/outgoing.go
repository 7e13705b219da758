package proxy

import (
	"maps"
	"net/http"
	"net/url"
)

// outgoing is what the request that goes out is made of, so that none of it is
// made anew for each exchange.
type outgoing struct {
	req    http.Request
	url    url.URL
	header http.Header

	// Beside header, which has none of their names: the client's that pass as they are,
	// behind them prepare's, and behind those address's.
	fields [][2]string
	fixed  int // how many of them are not address's
}

// fewHeaders are as many as the smallest map has room for. To go through a
// map, or to clear it, takes as long as it is large, not as it is full.
const fewHeaders = 8

// keptHeaders are as many as stay for another exchange: it would never shrink.
const keptHeaders = 64

// look looks through the client's headers, once, and notes those that pass.
func (o *outgoing) look(r *http.Request) (head clientHead) {
	if o.header == nil {
		o.header = make(http.Header, fewHeaders)
		o.fields = make([][2]string, 0, 24)
	}
	head.bytes = requestLineBytes(r)
	for name, values := range r.Header {
		head.lines += len(values)
		for _, value := range values {
			head.bytes += headerBytes(name, value)
		}
		switch {
		case len(values) == 1 && passes(name):
			o.fields = append(o.fields, [2]string{name, values[0]})
			head.note(name, values)
		case name == "Connection" && namesNone(values):
		default:
			head.special = true
			head.note(name, values)
		}
	}
	return head
}

// begin makes the request one like r, at whose head look has looked, with its headers
// but for those that belong to the client's connection, those that the client says do but
// for the names in keep, and those that could be taken for ours. It shares the values
// with r: they are replaced, never written to.
func (o *outgoing) begin(r *http.Request, head *clientHead, keep []string) *http.Request {
	if head.special {
		connection := r.Header["Connection"]
		plain := namesNone(connection)
		if !plain { // what passes may be named there
			clear(o.fields)
			o.fields = o.fields[:0]
		}
		for name, values := range r.Header {
			if plain && len(values) == 1 && passes(name) {
				continue
			}
			if !isHopByHop(name) && !isOurs(name) && !isAlias(name) {
				o.header[name] = values
			}
		}
		if removeNamed(o.header, connection, keep); !plain {
			_, head.hasAgent = o.header[headerUserAgent]
		}
	}
	o.fixed = len(o.fields)
	o.req, o.url = *r, *r.URL
	o.req.URL, o.req.Header = &o.url, o.header
	return &o.req
}

// recycled returns what another exchange can use again, empty.
func (o *outgoing) recycled() (http.Header, [][2]string) {
	if len(o.header) > keptHeaders || cap(o.fields) > keptHeaders {
		return nil, nil
	}
	clear(o.header)
	clear(o.fields)
	return o.header, o.fields[:0]
}

// passes says whether a header is one that nobody on the way to an endpoint changes
// or decides by: it need not go through a map. Those that are not named here do.
func passes(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Content-Type", "Cookie", "Dnt",
		"If-Modified-Since", "If-None-Match", "Origin", "Pragma", "Priority", "Range", "Referer",
		"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User",
		"Upgrade-Insecure-Requests", headerUserAgent:
		return true
	}
	return false
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
func (o *outgoing) add(name, value string) { o.fields = append(o.fields, [2]string{name, value}) }

// fix keeps what has been added, whatever endpoint the request goes to.
func (o *outgoing) fix() { o.fixed = len(o.fields) }

// readdress removes what has been added for one endpoint.
func (o *outgoing) readdress() { o.fields = o.fields[:o.fixed] }

// whole returns all headers in one map, for those who know only that. The map is theirs.
func (o *outgoing) whole() http.Header {
	all := make(http.Header, len(o.header)+len(o.fields))
	maps.Copy(all, o.header)
	for _, f := range o.fields {
		all[f[0]] = []string{f[1]}
	}
	return all
}
