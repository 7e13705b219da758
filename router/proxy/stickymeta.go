package proxy

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// attributes are how a session's cookie lives and travels. Clients do not send
// them back with it; cookieVcapIDMeta keeps them, so that a session that moves to
// another instance keeps them too (reference 4.3).
type attributes struct {
	secure, partitioned bool
	sameSite            http.SameSite
	expires             time.Time // zero for none
	// ends is when the Max-Age ends, in Unix seconds; 0 for none, and ended for one
	// that deletes the cookie.
	ends int64
}

const ended = -1

// maxAge bounds a Max-Age, in seconds; browsers bound it at 400 days.
const maxAge = 10 * 365 * 24 * 3600

// attributesOf returns those of a session cookie.
func attributesOf(c *http.Cookie, now time.Time) attributes {
	a := attributes{secure: c.Secure, partitioned: c.Partitioned, sameSite: c.SameSite, expires: c.Expires}
	switch {
	case c.MaxAge < 0:
		a.ends = ended
	case c.MaxAge > 0:
		a.ends = now.Unix() + int64(min(c.MaxAge, maxAge))
	}
	return a
}

// cookies returns the two cookies that stick to an instance, with the attributes.
func (a attributes) cookies(instanceID string, now time.Time) []*http.Cookie {
	id := &http.Cookie{
		Name: cookieVcapID, Value: instanceID,
		Secure: a.secure, Partitioned: a.partitioned, SameSite: a.sameSite, Expires: a.expires, MaxAge: a.remaining(now),
	}
	meta := *id
	meta.Name, meta.Value = cookieVcapIDMeta, a.String()
	return []*http.Cookie{id, &meta}
}

// remaining is the Max-Age that is left: 0 sends none, -1 deletes the cookie.
func (a attributes) remaining(now time.Time) int {
	switch left := a.ends - now.Unix(); {
	case a.ends == 0:
		return 0
	case a.ends == ended, left <= 0:
		return -1
	default:
		return int(min(left, maxAge))
	}
}

var sameSites = map[string]http.SameSite{"none": http.SameSiteNoneMode, "lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode}

// String returns the value of cookieVcapIDMeta: flags, and names with values,
// joined by &.
func (a attributes) String() string {
	var parts []string
	if a.secure {
		parts = append(parts, "secure")
	}
	if a.partitioned {
		parts = append(parts, "partitioned")
	}
	values := url.Values{}
	if !a.expires.IsZero() {
		values.Set("expires", strconv.FormatInt(a.expires.Unix(), 10))
	}
	if a.ends != 0 {
		values.Set("maxage", strconv.FormatInt(a.ends, 10))
	}
	for name, s := range sameSites {
		if s == a.sameSite {
			values.Set("samesite", name)
		}
	}
	if len(values) > 0 {
		parts = append(parts, values.Encode())
	}
	return strings.Join(parts, "&")
}

// parseAttributes reads a value of cookieVcapIDMeta. It comes from a client, so
// none of its text goes further: what is not understood is not there. It says
// whether it found anything.
func parseAttributes(meta string) (a attributes, ok bool) {
	const longest = 256
	if len(meta) > longest {
		return a, false
	}
	for part := range strings.SplitSeq(meta, "&") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "secure":
			a.secure = true
		case "partitioned":
			a.partitioned = true
		case "samesite":
			a.sameSite = sameSites[value]
		case "expires":
			if at, ok := unixSeconds(value); ok {
				a.expires = time.Unix(at, 0)
			}
		case "maxage":
			a.ends, _ = unixSeconds(value)
		}
	}
	return a, a != attributes{}
}

// unixSeconds reads a time that a cookie can have, or -1 for one that has ended.
func unixSeconds(s string) (int64, bool) {
	const year9999 = 253402300799
	at, err := strconv.ParseInt(s, 10, 64)
	if err != nil || at < ended || at > year9999 {
		return 0, false
	}
	return at, true
}
