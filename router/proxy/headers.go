package proxy

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"devrouter/router/route"
	"devrouter/router/routeservice"
)

// Headers are the options for what requests carry to endpoints (reference 6.1).
type Headers struct {
	// ForceForwardedProtoHTTPS sets X-Forwarded-Proto to https always.
	ForceForwardedProtoHTTPS bool
	// SanitizeForwardedProto sets it to the scheme of the client's connection.
	// Without either it is set only when the client sent none.
	SanitizeForwardedProto bool
	// HopByHopFilter are names that a client cannot have removed by listing them
	// in its Connection header.
	HopByHopFilter []string
	// ClientCert says what becomes of X-Forwarded-Client-Cert.
	ClientCert ClientCert
	// TraceKey, when not empty, makes a request with that X-Vcap-Trace learn
	// which router and endpoint served it. RouterIP is what it is told.
	TraceKey, RouterIP string
}

const (
	headerForwardedFor   = "X-Forwarded-For"
	headerForwardedProto = "X-Forwarded-Proto"
	headerRequestStart   = "X-Request-Start"
	headerUserAgent      = "User-Agent"
	headerRequestID      = "X-Vcap-Request-Id"
	headerApplicationID  = "X-Cf-Applicationid"
	headerInstanceIndex  = "X-Cf-Instanceindex"
	headerInstanceID     = "X-Cf-Instanceid"
)

// isHopByHop says whether a header belongs to one connection (RFC 9110, 7.6.1), or
// is Proxy, which CGI programs take for a setting of theirs (httpoxy).
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy", "Http2-Settings":
		return true
	}
	return false
}

// prepare makes the request that goes out, but for what differs from attempt to
// attempt.
func (ex *exchange) prepare(hops int) {
	o := &ex.h.opts.Headers
	out := ex.outgoing.begin(ex.r, &ex.head, o.HopByHopFilter)
	header := out.Header
	if ex.head.special && ex.r.ProtoAtLeast(1, 1) && ex.r.ContentLength == 0 {
		// HTTP/1.0 has no upgrades (RFC 9110, 7.8), and behind a body that is still
		// under way the new protocol could not begin.
		ex.upgrade = upgradeToken(ex.r.Header)
	}
	ex.trace.apply(header)
	if ex.upgrade != "" {
		ex.upgradeCtx, ex.endUpgrade = upgradeContext(ex.r, ex.h.opts.Base)
		header["Connection"] = ex.value("Upgrade")
		header["Upgrade"] = ex.value(ex.upgrade)
	}
	if containsToken(ex.special("Te"), "trailers") {
		header["Te"] = ex.value("trailers") // gRPC servers insist
	}
	ex.replace(headerForwardedFor, forwardedFor(header[headerForwardedFor], ex.clientIP()))
	if ex.signed { // the leg before the route service has said where it came from
		o.ClientCert.applyReturning(header, ex.r.TLS)
	} else {
		if scheme := forwardedProto(header, o, ex.r.TLS != nil); scheme != "" {
			ex.replace(headerForwardedProto, scheme)
		}
		o.ClientCert.apply(header, ex.r.TLS)
	}
	if first(header, headerRequestStart) == "" {
		ex.replace(headerRequestStart, milliseconds(ex.record.Started))
	}
	ex.outgoing.add(headerRequestID, ex.record.RequestID)
	ex.outgoing.add(headerHops, strconv.Itoa(hops))
	if !ex.head.hasAgent {
		ex.outgoing.add(headerUserAgent, "") // else net/http would send its own
	}
	ex.outgoing.fix()

	out.RequestURI = ""
	out.Close = !ex.h.opts.KeepAliveContinue && ex.upgrade == "" && containsToken(header["Expect"], "100-continue")
	out.Body = ex.body
	if ex.r.ContentLength == 0 {
		out.Body = nil // the transport may retry and keep alive what has no body
	} else {
		// Else the server would read the whole body before it lets a reply out.
		http.NewResponseController(ex.w).EnableFullDuplex() //nolint:errcheck // HTTP/2 is duplex and says so with an error
	}
	out.Trailer = ex.r.Trailer // filled by the server when it has read the body
	if !strings.HasPrefix(ex.r.RequestURI, "//") && strings.HasPrefix(ex.r.RequestURI, "/") {
		// The target goes out byte for byte. (net/http would make an absolute URL of
		// an opaque one with two slashes; the parsed form serves those.)
		out.URL.Opaque = ex.r.RequestURI
		out.URL.RawQuery, out.URL.ForceQuery = "", false
	}
	ex.out = out
	ex.record.Forwarded, ex.record.ForwardedFields = header, ex.outgoing.fields
}

// replace sets a header of the request that goes out, which the client may have set.
func (ex *exchange) replace(name, value string) {
	if _, ok := ex.outgoing.header[name]; ok {
		ex.outgoing.header[name] = ex.value(value)
		return
	}
	ex.outgoing.add(name, value)
}

// address turns the request that goes out to one endpoint.
func (ex *exchange) address(e *route.Endpoint) {
	ex.out.URL.Scheme = "http"
	if e.TLS {
		ex.out.URL.Scheme = "https"
	}
	ex.out.URL.Host = e.Addr
	ex.outgoing.readdress()
	ex.outgoing.add(headerApplicationID, e.App)
	ex.outgoing.add(headerInstanceIndex, e.InstanceIndex)
	ex.outgoing.add(headerInstanceID, cmp.Or(e.InstanceID, e.Addr))
	ex.record.ForwardedFields = ex.outgoing.fields
}

// value returns a header's value, in room that the exchange has as long as it
// lasts: one allocation less for each header.
func (ex *exchange) value(v string) []string {
	if ex.valued == len(ex.values) {
		return []string{v}
	}
	at := ex.valued
	ex.valued++
	ex.values[at] = v
	return ex.values[at:ex.valued:ex.valued]
}

// first is Header.Get for a name that is known to be in its canonical form.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// upgradeToken returns the protocol that a request asks to switch to. `h2c` is
// none: an endpoint that takes it up would be spoken to past this router (fault 41).
func upgradeToken(h http.Header) string {
	if !containsToken(h["Connection"], "upgrade") {
		return ""
	}
	token := first(h, "Upgrade")
	name, version, versioned := strings.Cut(token, "/")
	if strings.EqualFold(token, "h2c") || !IsToken(name) || versioned && !IsToken(version) {
		return ""
	}
	return token
}

// removeHopByHop removes what belongs to the client's connection, and what the
// client says belongs to it, but for the names in keep.
func removeHopByHop(h http.Header, keep []string) {
	removeNamed(h, h["Connection"], keep)
	for name := range h { // most have none of them, so that this is less than to look for each
		if isHopByHop(name) {
			delete(h, name)
		}
	}
}

// namesNone says whether the lines of a Connection header name no header.
func namesNone(connection []string) bool {
	for _, line := range connection {
		if line != "keep-alive" { // which is hop-by-hop in any case
			return false
		}
	}
	return true
}

// removeNamed removes what the lines of a Connection header name, but for the names
// in keep.
func removeNamed(h http.Header, connection, keep []string) {
	if namesNone(connection) {
		return
	}
	for _, line := range connection {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if name != "" && !containsFold(keep, name) {
				h.Del(name)
			}
		}
	}
}

// isAlias says whether a CGI-like server behind us would take a header for one of
// ours: X_Forwarded_For and X.Forwarded-For become the same variable (fault 33).
func isAlias(name string) bool {
	if strings.IndexByte(name, '_') < 0 && strings.IndexByte(name, '.') < 0 {
		return false
	}
	plain := strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
	for _, ours := range []string{"x-forwarded-", "x-cf-", "x-vcap-", "x-real-ip", "x-request-start", "forwarded", headerHops} {
		if strings.HasPrefix(plain, strings.ToLower(ours)) {
			return true
		}
	}
	return false
}

func forwardedFor(prior []string, clientIP string) string {
	if len(prior) > 0 {
		clientIP = strings.Join(prior, ", ") + ", " + clientIP
	}
	return clientIP
}

// forwardedProto returns what X-Forwarded-Proto is set to, "" when it stays.
func forwardedProto(h http.Header, o *Headers, overTLS bool) string {
	scheme := "http"
	if overTLS {
		scheme = "https"
	}
	switch {
	case o.ForceForwardedProtoHTTPS:
		return "https"
	case o.SanitizeForwardedProto, first(h, headerForwardedProto) == "":
		return scheme
	}
	return ""
}

// headWriter is a writer that takes a reply's header from elsewhere than its own
// Header, such as that of router/http1.
type headWriter interface {
	WriteHead(status int, h http.Header)
}

// writesFrom says whether the header of an endpoint's reply can go out as it is,
// without being copied into the writer's.
func (ex *exchange) writesFrom(res *http.Response) bool {
	_, ok := ex.w.(headWriter)
	return ok && len(ex.w.Header()) == 0 && res.ContentLength >= 0 && res.Trailer == nil && res.StatusCode != http.StatusSwitchingProtocols
}

// answerHeaders brings an endpoint's reply headers into the form that the client
// gets (reference 6.2), and returns them: in the reply's map or in the writer's.
func (ex *exchange) answerHeaders(res *http.Response) http.Header {
	dst, src := res.Header, res.Header
	removeHopByHop(src, nil)
	delete(src, routeservice.HeaderSignature)
	if !ex.writesFrom(res) {
		dst = ex.w.Header()
		for name, values := range src {
			if before := dst[name]; before != nil {
				values = append(before, values...)
			}
			dst[name] = values[:len(values):len(values)] // shared until the exchange ends, and never written to
		}
	}
	if first(dst, headerRequestID) == "" {
		dst[headerRequestID] = ex.value(ex.record.RequestID)
	}
	if o := &ex.h.opts.Headers; o.TraceKey != "" && first(ex.r.Header, "X-Vcap-Trace") == o.TraceKey {
		dst.Set("X-Vcap-Router", o.RouterIP)
		dst.Set("X-Vcap-Backend", ex.record.Endpoint.Addr)
		dst.Set("X-Cf-Routeendpoint", ex.record.Endpoint.Addr)
	}
	return dst
}

// Rewrite is what is changed in the headers of every reply (http_rewrite.responses).
type Rewrite struct {
	// Remove are names that are removed, before Add is looked at.
	Remove []string
	// Add are headers that are added where the reply has none of that name.
	Add []HeaderLine
}

// HeaderLine is one header.
type HeaderLine struct{ Name, Value string }

func (rw *Rewrite) apply(h http.Header) {
	for _, name := range rw.Remove {
		h.Del(name)
	}
	for _, line := range rw.Add {
		if h.Get(line.Name) == "" {
			h.Set(line.Name, line.Value)
		}
	}
}
