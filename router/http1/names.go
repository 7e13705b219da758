package http1

import "net/textproto"

// A nameSet notes which of the names are there that decide about a message.
type nameSet uint16

const (
	nameHost nameSet = 1 << iota
	nameContentLength
	nameTransferEncoding
	nameConnection
	nameTrailer
	nameExpect
	namePragma
	nameUpgrade
)

// A knownName is a common field name in canonical form.
type knownName struct {
	name string
	bit  nameSet // none for most
}

const tableSize = 1024

// knownNames holds the common names at their hash or soon behind it, as far as
// possible: no lookup makes a string.
var knownNames = func() (table [tableSize]knownName) {
	add := func(name string, bit nameSet) {
		at := hashName(name)
		for table[at].name != "" {
			at = (at + 1) % tableSize
		}
		table[at] = knownName{name, bit}
	}
	add("Host", nameHost)
	add("Content-Length", nameContentLength)
	add("Transfer-Encoding", nameTransferEncoding)
	add("Connection", nameConnection)
	add("Trailer", nameTrailer)
	add("Expect", nameExpect)
	add("Pragma", namePragma)
	add("Upgrade", nameUpgrade)
	for _, name := range commonNames {
		add(name, 0)
	}
	return table
}()

var commonNames = []string{
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Accept-Ranges",
	"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
	"Access-Control-Request-Headers", "Access-Control-Request-Method",
	"Age", "Allow", "Alt-Svc", "Authorization", "B3", "Cache-Control", "Content-Disposition", "Content-Encoding",
	"Content-Language", "Content-Location", "Content-Range", "Content-Security-Policy", "Content-Type", "Cookie",
	"Correlation-Id", "Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
	"Date", "Dnt", "Etag", "Expires", "Forwarded", "From", "Http2-Settings", "If-Match", "If-Modified-Since", "If-None-Match",
	"If-Range", "If-Unmodified-Since", "Keep-Alive", "Last-Modified", "Link", "Location", "Max-Forwards", "Nel", "Origin",
	"Permissions-Policy", "Priority", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Purpose", "Range", "Referer",
	"Referrer-Policy", "Report-To", "Retry-After", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest",
	"Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Websocket-Accept", "Sec-Websocket-Extensions", "Sec-Websocket-Key",
	"Sec-Websocket-Protocol", "Sec-Websocket-Version", "Server", "Server-Timing", "Set-Cookie", "Strict-Transport-Security", "Te",
	"Timing-Allow-Origin", "Traceparent", "Tracestate", "Upgrade-Insecure-Requests", "User-Agent", "Vary", "Via", "Warning", "Www-Authenticate",
	"X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Spanid", "X-B3-Traceid", "X-Cf-App-Instance", "X-Cf-Applicationid",
	"X-Cf-Instanceid", "X-Cf-Instanceindex", "X-Cf-Routererror", "X-Content-Type-Options", "X-Correlation-Id", "X-Csrf-Token",
	"X-Devrouter-Hops", "X-Dns-Prefetch-Control", "X-Forwarded-Client-Cert", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port",
	"X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Frame-Options", "X-Powered-By", "X-Real-Ip", "X-Request-Id", "X-Request-Start",
	"X-Requested-With", "X-Runtime", "X-Ua-Compatible", "X-Vcap-Request-Id", "X-Vcap-Trace", "X-Xss-Protection",
}

// hashName is the same for a name in any case.
func hashName(s string) uint {
	n := uint(len(s))
	h := n*0x9e3779b1 + uint(s[0]|0x20)*0x85ebca6b + uint(s[n-1]|0x20)*0xc2b2ae35 + uint(s[n/2]|0x20)*0x27d4eb2f + uint(s[n/4]|0x20)*0x165667b1
	return h >> 7 % tableSize
}

// canonicalName returns a field's name in canonical form, and false when it is none.
func canonicalName(s string) (knownName, bool) {
	if s == "" {
		return knownName{}, false
	}
	for at := hashName(s); knownNames[at].name != ""; at = (at + 1) % tableSize {
		if known := &knownNames[at]; equalFold(known.name, s) {
			return *known, true
		}
	}
	canonical, valid := examineName(s)
	if !valid {
		return knownName{}, false
	}
	if !canonical {
		s = textproto.CanonicalMIMEHeaderKey(s)
	}
	return knownName{name: s}, true
}

// examineName says whether a name has the canonical form, and whether it is one at all.
func examineName(s string) (canonical, valid bool) {
	canonical = true
	upper := true
	for i := range len(s) {
		c := s[i]
		if !tokenBytes[c] {
			return false, false
		}
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			canonical = false
		}
		upper = c == '-'
	}
	return canonical, true
}

// equalFold compares in ASCII without regard to case.
func equalFold(s, t string) bool {
	if len(s) != len(t) {
		return false
	}
	if s == t {
		return true
	}
	for i := range len(s) {
		if lower(s[i]) != lower(t[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

// tokenBytes are those of names and methods (RFC 9110, 5.6.2).
var tokenBytes = byteSet("!#$%&'*+-.^_`|~" + digits + letters)

// hostBytes are those that net/http allows in a Host.
var hostBytes = byteSet("!$%&'()*+,-.:;=[]_~" + digits + letters)

// plainPathBytes stand for themselves in a path, by the rules of net/url.
var plainPathBytes = byteSet("$&+,/:;=@-_.~" + digits + letters)

const (
	digits  = "0123456789"
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

func byteSet(members string) (set [256]bool) {
	for i := range len(members) {
		set[members[i]] = true
	}
	return set
}
