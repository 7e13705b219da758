package proxy

import (
	"crypto/tls"
	"encoding/binary"
	"net/http"
	"net/url"
	"slices"
)

// packedRequest is a request's head, and the headers that were sent on, in one
// string: a tenth of the room that maps take. Its zero value is a request
// without anything.
type packedRequest struct {
	text string
	tls  *tls.ConnectionState
}

// packedNames are those that a request for a tunnel is likely to have. They are
// packed as numbers: names are the half of such a request.
var packedNames = [...]string{
	"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection", "Cookie", "Dnt", "Forwarded",
	"Origin", "Pragma", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Websocket-Extensions", "Sec-Websocket-Key",
	"Sec-Websocket-Protocol", "Sec-Websocket-Version", "Traceparent", "Tracestate", "Upgrade", "User-Agent", "Via",
	"X-B3-Spanid", "X-B3-Traceid", "B3", "X-Cf-Applicationid", "X-Cf-Instanceid", "X-Cf-Instanceindex", "X-Devrouter-Hops",
	"X-Forwarded-Client-Cert", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
	"X-Request-Start", "X-Vcap-Request-Id",
}

// nameNumbers are their numbers, from 1. The number 0 says that a name follows.
var nameNumbers = func() map[string]int {
	numbers := make(map[string]int, len(packedNames))
	for i, name := range packedNames {
		numbers[name] = i + 1
	}
	return numbers
}()

// Whose header a packed field is: the client's, what was forwarded, or both's.
const (
	clients   = 1
	forwarded = 2
)

// packRequest packs a request and what was forwarded of it, which may be nil.
func packRequest(r *http.Request, sent http.Header) packedRequest {
	var p packer
	for _, s := range [...]string{r.Method, r.Host, r.RequestURI, r.Proto, r.RemoteAddr} {
		p.string(s)
	}
	p.bool(sent != nil)
	for name, values := range r.Header {
		if also, ok := sent[name]; ok && slices.Equal(values, also) {
			p.field(clients|forwarded, name, values)
			continue
		}
		p.field(clients, name, values)
	}
	for name, values := range sent {
		if also, ok := r.Header[name]; !ok || !slices.Equal(values, also) {
			p.field(forwarded, name, values)
		}
	}
	return packedRequest{text: string(p), tls: r.TLS}
}

// unpack returns what was packed. The request has no body, and lives in no
// context.
func (k packedRequest) unpack() (*http.Request, http.Header) {
	u := unpacker(k.text)
	r := &http.Request{
		Method: u.string(), Host: u.string(), RequestURI: u.string(), Proto: u.string(), RemoteAddr: u.string(),
		Header: make(http.Header), Body: http.NoBody, TLS: k.tls,
	}
	r.ProtoMajor, r.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
	r.URL, _ = url.ParseRequestURI(r.RequestURI)
	if r.URL == nil {
		r.URL = new(url.URL)
	}
	var sent http.Header
	if u.bool() {
		sent = make(http.Header)
	}
	for len(u) > 0 {
		whose, name, values := u.field()
		if whose&clients != 0 {
			r.Header[name] = values
		}
		if whose&forwarded != 0 {
			sent[name] = values
		}
	}
	return r, sent
}

// packer appends what unpacker takes off the front: numbers, and strings behind
// their lengths.
type packer []byte

func (p *packer) number(n int) { *p = binary.AppendUvarint(*p, uint64(n)) }

func (p *packer) string(s string) {
	p.number(len(s))
	*p = append(*p, s...)
}

func (p *packer) bool(b bool) {
	if b {
		p.number(1)
		return
	}
	p.number(0)
}

func (p *packer) field(whose int, name string, values []string) {
	p.number(whose)
	number := nameNumbers[name]
	if p.number(number); number == 0 {
		p.string(name)
	}
	p.number(len(values))
	for _, value := range values {
		p.string(value)
	}
}

type unpacker string

func (u *unpacker) number() (n int) {
	for shift := 0; ; shift += 7 {
		b := (*u)[0]
		*u = (*u)[1:]
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (u *unpacker) string() string {
	n := u.number()
	s := (*u)[:n]
	*u = (*u)[n:]
	return string(s)
}

func (u *unpacker) bool() bool { return u.number() != 0 }

func (u *unpacker) field() (whose int, name string, values []string) {
	whose = u.number()
	if number := u.number(); number > 0 {
		name = packedNames[number-1]
	} else {
		name = u.string()
	}
	values = make([]string, u.number())
	for i := range values {
		values[i] = u.string()
	}
	return whose, name, values
}
