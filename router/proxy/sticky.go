package proxy

import (
	"net/http"
	"slices"

	"devrouter/router/route"
)

// cookieVcapID holds the instance id that a session sticks to.
const cookieVcapID = "__VCAP_ID__"

// Sticky are the options of sticky sessions (reference, section 4).
type Sticky struct {
	// Cookies are the names, in their exact case, of the session cookies that
	// make a session stick where the route names none. Empty means that none does.
	Cookies []string
	// Secure sets the Secure attribute always.
	Secure bool
}

// sessionCookies are the names that make a session of this route stick.
func (ex *exchange) sessionCookies() []string {
	if names := ex.pool.StickyCookies(); len(names) > 0 {
		return names
	}
	return ex.h.opts.Sticky.Cookies
}

// stickyInstance returns the instance id that a request sticks to, or "". One of
// the session cookies must accompany the id: without a session there is nothing
// to stick for.
func stickyInstance(r *http.Request, sessionCookies []string) string {
	id, err := r.Cookie(cookieVcapID)
	if err != nil {
		return ""
	}
	for _, name := range sessionCookies {
		if _, err := r.Cookie(name); err == nil {
			return id.Value
		}
	}
	return ""
}

// stick adds the cookie to a reply, but not to one on its way through a route
// service: the request comes again for the application itself.
func (ex *exchange) stick(header http.Header, e *route.Endpoint) {
	if sentToService(ex.out.Header) {
		return
	}
	names := ex.sessionCookies()
	cookie := stickyCookie(header, names, stickyInstance(ex.r, names), e.InstanceID)
	if cookie == nil {
		return
	}
	cookie.Path = ex.pool.ContextPath()
	cookie.Secure = cookie.Secure || ex.h.opts.Sticky.Secure
	if line := cookie.String(); line != "" {
		header.Add("Set-Cookie", line)
	}
}

// stickyCookie returns the cookie, but for its path, that a reply needs: when
// the application began or ended a session in it, or when another instance than
// the one asked for has served it. Otherwise nil.
func stickyCookie(reply http.Header, sessionCookies []string, asked, served string) *http.Cookie {
	if served == "" {
		return nil
	}
	var session *http.Cookie
	for _, line := range reply["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		if c.Name == cookieVcapID {
			return nil // the application's own
		}
		if session == nil && slices.Contains(sessionCookies, c.Name) {
			session = c
		}
	}
	if session == nil && (asked == "" || asked == served) {
		return nil
	}
	cookie := &http.Cookie{Name: cookieVcapID, Value: served, HttpOnly: true}
	if session != nil {
		takeAttributes(cookie, session)
	}
	return cookie
}

// takeAttributes lets the cookie live, and travel, as the session's own does. A
// positive Max-Age is copied too: a session that outlives its cookie loses its
// instance (gorouter copied none before 2026).
func takeAttributes(cookie, session *http.Cookie) {
	cookie.Secure = session.Secure
	cookie.SameSite = session.SameSite
	cookie.Partitioned = session.Partitioned
	cookie.MaxAge = session.MaxAge
	cookie.Expires = session.Expires
}
