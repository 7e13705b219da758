package proxy

import (
	"net/http"
	"slices"
	"time"
)

// cookieVcapID holds the instance id that a session sticks to.
const cookieVcapID = "__VCAP_ID__"

// Sticky are the options of sticky sessions (reference, section 4).
type Sticky struct {
	// Cookies are the names, in their exact case, of the session cookies that
	// make a session stick. Empty means that none does.
	Cookies []string
	// Secure sets the Secure attribute always.
	Secure bool
}

// instance returns the instance id that a request sticks to, or "". A session
// cookie must accompany the id: without a session there is nothing to stick for.
func (s *Sticky) instance(r *http.Request) string {
	id, err := r.Cookie(cookieVcapID)
	if err != nil {
		return ""
	}
	for _, name := range s.Cookies {
		if _, err := r.Cookie(name); err == nil {
			return id.Value
		}
	}
	return ""
}

// reply adds the cookie to a reply when the application began or ended a
// session, or when another instance than the cookie's has served it.
//
// asked is the id that the request stuck to, served that of the instance that
// answered, and path the route's context path.
func (s *Sticky) reply(header http.Header, asked, served, path string) {
	if served == "" {
		return
	}
	var session *http.Cookie
	for _, line := range header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		if c.Name == cookieVcapID {
			return // the application's own
		}
		if session == nil && slices.Contains(s.Cookies, c.Name) {
			session = c
		}
	}
	if session == nil && (asked == "" || asked == served) {
		return
	}
	cookie := &http.Cookie{Name: cookieVcapID, Value: served, Path: path, HttpOnly: true, Secure: s.Secure}
	if session != nil {
		takeAttributes(cookie, session)
	}
	if line := cookie.String(); line != "" {
		header.Add("Set-Cookie", line)
	}
}

// takeAttributes lets the cookie live, and travel, as the session's own does. A
// positive Max-Age is copied too: a session that outlives its cookie loses its
// instance (gorouter copied none before 2026).
func takeAttributes(cookie, session *http.Cookie) {
	cookie.Secure = cookie.Secure || session.Secure
	cookie.SameSite = session.SameSite
	cookie.Partitioned = session.Partitioned
	cookie.MaxAge = session.MaxAge
	if session.Expires.After(time.Unix(0, 0)) {
		cookie.Expires = session.Expires
	}
}
