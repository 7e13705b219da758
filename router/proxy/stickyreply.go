package proxy

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"devrouter/router/accesslog"
	"devrouter/router/route"
)

// How long a client may take to authenticate by Negotiate, in seconds (reference 4.2).
const negotiateMaxAge = 60

// stick adds to a reply the cookies by which its session sticks to the instance
// that sent it. What a route service replies comes from no instance of the pool,
// and nothing sticks to it: the request comes again for the application itself
// (reference 4.2).
func (ex *exchange) stick(header http.Header, e *route.Endpoint) {
	if sentToService(ex.out.Header) || !canBeCookie(e.InstanceID) {
		return
	}
	if s := &ex.session; len(header["Set-Cookie"]) == 0 && (s.id == "" || s.id == e.InstanceID) && !ex.h.opts.Sticky.Negotiate {
		ex.record.Session = accesslog.Session{Cookie: s.cookie, Value: s.value}
		return // most replies, and for those nobody looks at the clock
	}
	for _, c := range stickyCookies(header, &ex.session, e.InstanceID, ex.h.opts.Sticky.Negotiate, time.Now()) {
		c.Path = cookiePath(ex.pool.ContextPath())
		c.HttpOnly = true
		c.Secure = c.Secure || ex.h.opts.Sticky.Secure
		header.Add("Set-Cookie", c.String())
	}
	ex.record.Session = accesslog.Session{Cookie: ex.session.cookie, Value: ex.session.value}
}

// stickyCookies returns the cookies that a reply needs (reference 4.2 and 4.3), but
// for what they have in common: when the application begins or ends a session in
// it, when another instance has served the session than the one that it stuck to,
// or when a client begins to authenticate. Otherwise none.
func stickyCookies(reply http.Header, s *session, served string, negotiate bool, now time.Time) []*http.Cookie {
	sessions, own := sessionsIn(reply["Set-Cookie"], s.names, now)
	switch {
	case own: // the application sticks by itself
		return nil
	case len(sessions) > 0:
		var cookies []*http.Cookie
		if c := sessions[0]; !deletes(c, now) {
			s.cookie, s.value = c.Name, c.Value
		}
		for _, c := range sessions {
			cookies = append(cookies, attributesOf(c, now).cookies(served, now)...)
		}
		return cookies
	case s.id == served:
		return nil
	case s.id != "":
		return movedSession(s, served, now)
	case negotiate && slices.ContainsFunc(reply["Www-Authenticate"], isNegotiate):
		return []*http.Cookie{{Name: cookieVcapID, Value: served, MaxAge: negotiateMaxAge, SameSite: http.SameSiteStrictMode}}
	}
	return nil
}

// movedSession lets a session stick to another instance, by cookies that live and
// travel as its former ones did.
func movedSession(s *session, served string, now time.Time) []*http.Cookie {
	if a, ok := parseAttributes(s.meta); ok {
		return a.cookies(served, now)
	}
	return []*http.Cookie{{Name: cookieVcapID, Value: served}}
}

// sessionsIn returns the session cookies that a reply sets, at most one of those
// that browsers keep by the embedding site (Partitioned), and one of the others:
// an application that changes from one kind to the other ends the old and begins
// the new in one reply. own says that the reply sets cookieVcapID itself.
func sessionsIn(lines, names []string, now time.Time) (sessions []*http.Cookie, own bool) {
	var kinds [2]*http.Cookie
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		switch {
		case err != nil:
			continue
		case c.Name == cookieVcapID:
			return nil, true
		case !isSessionCookie(c.Name, names):
			continue
		}
		kind := &kinds[0]
		if c.Partitioned {
			kind = &kinds[1]
		}
		// Of one name the last counts. Of several names, one that lives: the end of
		// another must not end it.
		if *kind == nil || (*kind).Name == c.Name || deletes(*kind, now) {
			*kind = c
		}
	}
	for _, c := range kinds {
		if c != nil {
			sessions = append(sessions, c)
		}
	}
	return sessions, false
}

// deletes says whether a Set-Cookie deletes the cookie.
func deletes(c *http.Cookie, now time.Time) bool {
	return c.MaxAge < 0 || c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(now)
}

// canBeCookie says whether an instance id can be the value of a cookie, and comes
// back as it went. Ids come over the bus, where anybody chooses them.
func canBeCookie(id string) bool {
	const longest = 1024
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`",;\`, c) >= 0 {
			return false
		}
	}
	return id != "" && len(id) <= longest
}

// cookiePath returns the longest part of a route's path that a cookie's Path can
// say: a cookie that is sent too often does no harm.
func cookiePath(path string) string {
	for i := range len(path) {
		if c := path[i]; c < ' ' || c >= 0x7f || c == ';' {
			path = path[:strings.LastIndexByte(path[:i], '/')+1]
			break
		}
	}
	if path == "" {
		return "/"
	}
	return path
}
