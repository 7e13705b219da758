package accesslog

import (
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What Format.RedactQueryParams may ask for.
const (
	RedactNone = "none" // the query is logged as it came
	RedactAll  = "all"  // a GET's query is left out
	RedactHash = "hash" // a GET's query becomes hash=<SHA-1 of the query, in hex>
)

// Format says what a line holds beyond the fields that every line has. The zero
// value is gorouter's default format. It must not be modified while in use.
type Format struct {
	// RedactQueryParams is one of RedactNone, RedactAll and RedactHash. Anything
	// else means RedactNone.
	RedactQueryParams string
	// DisableForwardedFor writes "-" for x_forwarded_for.
	DisableForwardedFor bool
	// DisableSourceIP writes "-" for the client's address.
	DisableSourceIP bool
	// ExtraFields are written in this order: backend_time, dial_time, dns_time,
	// failed_attempts, failed_attempts_time, local_address, tls_time. Other names
	// are skipped.
	ExtraFields []string
	// ExtraHeaders are the request headers that end the line, in this order. In
	// their canonical spelling they cost no allocation; Open sees to that.
	ExtraHeaders []string
}

// Append appends the line of one request to dst, without a newline. Whatever
// the request and the endpoint's registration hold, what is appended is one
// line free of control bytes. It allocates nothing but dst's growth.
func (f *Format) Append(dst []byte, r *Record) []byte {
	shown := r.shown
	if shown == nil {
		shown = new(lineHeaders)
		shown.of(r)
	}
	total := r.Finished.Sub(r.Started)
	dst = appendHost(dst, r.Request.Host)
	dst = append(dst, " - ["...)
	dst = appendTime(dst, r.Started)
	dst = append(dst, `] "`...)
	dst = f.appendRequestLine(dst, r.Request)
	dst = append(dst, `" `...)
	dst = appendStatus(dst, r.Status)
	dst = append(dst, ' ')
	dst = appendCount(dst, r.RequestBytes)
	dst = append(dst, ' ')
	dst = appendCount(dst, r.ResponseBytes)

	dst = appendValue(append(dst, ` "`...), shown.referer)
	dst = appendValue(append(dst, ` "`...), shown.agent)
	dst = appendValue(append(dst, ` "`...), unless(f.DisableSourceIP, r.RemoteAddr))
	dst = appendValue(append(dst, ` "`...), r.Endpoint.Addr)
	dst = appendValue(append(dst, ` x_forwarded_for:"`...), unless(f.DisableForwardedFor, shown.forwardedFor))
	dst = appendValue(append(dst, ` x_forwarded_proto:"`...), shown.forwardedProto)
	dst = appendValue(append(dst, ` vcap_request_id:"`...), r.RequestID)
	dst = appendSeconds(append(dst, " response_time:"...), total)
	dst = appendSeconds(append(dst, " gorouter_time:"...), r.routerTime(total))
	dst = appendValue(append(dst, ` app_id:"`...), r.Endpoint.App)
	dst = appendValue(append(dst, ` app_index:"`...), r.Endpoint.InstanceIndex)
	dst = appendValue(append(dst, ` instance_id:"`...), r.Endpoint.InstanceID)
	for _, field := range f.ExtraFields {
		dst = appendExtraField(dst, field, r)
	}
	dst = appendValue(append(dst, ` x_cf_routererror:"`...), r.loggedRouterError())
	for _, name := range f.ExtraHeaders {
		dst = appendExtraHeader(dst, name, r)
	}
	return dst
}

func appendExtraField(dst []byte, field string, r *Record) []byte {
	switch field {
	case "backend_time":
		return appendSeconds(append(dst, " backend_time:"...), orNone(r.ProxyTime))
	case "dial_time":
		return appendSeconds(append(dst, " dial_time:"...), orNone(r.DialTime))
	case "dns_time":
		return appendSeconds(append(dst, " dns_time:"...), orNone(r.DNSTime))
	case "failed_attempts":
		return strconv.AppendInt(append(dst, " failed_attempts:"...), int64(r.FailedAttempts), 10)
	case "failed_attempts_time":
		return appendSeconds(append(dst, " failed_attempts_time:"...), orNone(r.FailedTime))
	case "local_address":
		return appendValue(append(dst, ` local_address:"`...), r.LocalAddr)
	case "tls_time":
		return appendSeconds(append(dst, " tls_time:"...), orNone(r.TLSTime))
	}
	return dst
}

// orNone turns zero, a Record's "there was none", into what appendSeconds
// writes as "-".
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func appendExtraHeader(dst []byte, name string, r *Record) []byte {
	dst = append(dst, ' ')
	dst = appendFieldName(dst, name)
	return appendValue(append(dst, `:"`...), extraHeader(r, name))
}

// extraHeader prefers what was sent to the endpoint, for there the router has put
// what it made itself, such as trace ids.
func extraHeader(r *Record, name string) string {
	if value := r.Sent(http.CanonicalHeaderKey(name)); value != "" {
		return value
	}
	return r.Request.Header.Get(name)
}

// appendFieldName appends a header's name as the log spells it:
// lower_case_with_underscores.
func appendFieldName(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '-' || c == ' ' || !plain(c):
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

func (f *Format) appendRequestLine(dst []byte, r *http.Request) []byte {
	dst = appendEscaped(dst, r.Method)
	dst = append(dst, ' ')
	dst = appendPath(dst, r.URL)
	dst = f.appendQuery(dst, r)
	dst = append(dst, ' ')
	return appendEscaped(dst, r.Proto)
}

func (f *Format) appendQuery(dst []byte, r *http.Request) []byte {
	query := r.URL.RawQuery
	if query == "" {
		if r.URL.ForceQuery {
			dst = append(dst, '?')
		}
		return dst
	}
	if r.Method == http.MethodGet {
		switch f.RedactQueryParams {
		case RedactAll:
			return dst
		case RedactHash:
			return appendHash(append(dst, "?hash="...), query)
		}
	}
	return appendEscaped(append(dst, '?'), query)
}

// appendHash borrows dst's end for the bytes to hash, which saves a copy.
func appendHash(dst []byte, s string) []byte {
	n := len(dst)
	dst = append(dst, s...)
	sum := sha1.Sum(dst[n:])
	return hex.AppendEncode(dst[:n], sum[:])
}

// appendPath appends what precedes the query in u.RequestURI(), which would
// allocate, and escapes it for the log.
func appendPath(dst []byte, u *url.URL) []byte {
	switch {
	case u.Opaque != "":
		if strings.HasPrefix(u.Opaque, "//") {
			dst = append(appendEscaped(dst, u.Scheme), ':')
		}
		return appendEscaped(dst, u.Opaque)
	case u.RawPath != "" && isEncoded(u.RawPath):
		return append(dst, u.RawPath...)
	case u.Path == "":
		return append(dst, '/')
	case u.Path == "*":
		return append(dst, '*')
	}
	for i := range len(u.Path) {
		const hex = "0123456789ABCDEF"
		if c := u.Path[i]; isPathByte(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// isEncoded says whether a path as received can stand as it is: net/url's rule.
func isEncoded(path string) bool {
	for i := range len(path) {
		switch c := path[i]; c {
		case '!', '\'', '(', ')', '*', '[', ']', '%':
		default:
			if !isPathByte(c) {
				return false
			}
		}
	}
	return true
}

// isPathByte says whether net/url leaves a path's byte as it is.
func isPathByte(c byte) bool {
	switch c {
	case '-', '_', '.', '~', '$', '&', '+', ',', '/', ':', ';', '=', '@':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// appendHost appends the one string that stands without quotes: a space would
// end it and a quote would begin something, so both are written as numbers.
func appendHost(dst []byte, host string) []byte {
	if allPlain(host) && strings.IndexByte(host, ' ') < 0 {
		return append(dst, host...)
	}
	for {
		i := strings.IndexAny(host, ` "`)
		if i < 0 {
			return appendEscaped(dst, host)
		}
		dst = appendEscaped(dst, host[:i])
		if host[i] == ' ' {
			dst = append(dst, `\x20`...)
		} else {
			dst = append(dst, `\x22`...)
		}
		host = host[i+1:]
	}
}

func appendStatus(dst []byte, status int) []byte {
	if status == 0 {
		return append(dst, `"-"`...)
	}
	return appendCount(dst, int64(status))
}

// appendCount appends a number, one of as many digits as a status or no body at all
// has without a call.
func appendCount(dst []byte, n int64) []byte {
	switch {
	case n == 0:
		return append(dst, '0')
	case 100 <= n && n < 1000:
		return append(dst, '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10))
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendValue appends a value, "-" for an empty one, and the quote behind it. That
// before it is the end of what the line has there in any case.
func appendValue(dst []byte, value string) []byte {
	if value == "" {
		return append(dst, `-"`...)
	}
	return append(appendEscaped(dst, value), '"')
}

// appendSeconds appends a duration, "-" for a negative one.
func appendSeconds(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return append(dst, `"-"`...)
	}
	micros := (d + time.Microsecond/2) / time.Microsecond
	dst = strconv.AppendInt(dst, int64(micros/1e6), 10)
	return appendSixDigits(append(dst, '.'), uint32(micros%1e6))
}

// first returns a header's first value, or "". The name is in its canonical form.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func unless(hidden bool, value string) string {
	if hidden {
		return ""
	}
	return value
}

// appendEscaped appends what strconv.Quote puts between its quotes.
func appendEscaped(dst []byte, s string) []byte {
	if !allPlain(s) {
		return appendUnusual(dst, s)
	}
	return append(dst, s...)
}

func appendUnusual(dst []byte, s string) []byte {
	start := len(dst)
	dst = strconv.AppendQuote(dst, s)
	end := len(dst) - 1
	copy(dst[start:], dst[start+1:end])
	return dst[:end-1]
}
