// Package proxy carries one request to an endpoint and back.
//
// Handler is an http.Handler over a routing table: it finds the pool, picks an
// endpoint, or turns to the route's service first, sends, tries another when
// that is safe, and relays the reply or turns the connection into a tunnel. It is one straight line of named steps
// over one exchange value; what the exchange learned is handed over once, as an
// accesslog.Record, when the request has ended.
//
// What a client or an endpoint can observe (headers, refusals, retries, cookies)
// is gorouter's; the comments name the sections of its reference, or of the
// list of faults where that is stricter.
package proxy
