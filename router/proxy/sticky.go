package proxy

import (
	"net/http"
	"slices"
	"strings"
)

// The cookies of sticky sessions.
const (
	cookieVcapID     = "__VCAP_ID__"      // the instance that a session sticks to
	cookieVcapIDMeta = "__VCAP_ID_META__" // the attributes that cookieVcapID has
)

// Sticky are the options of sticky sessions (reference, section 4).
type Sticky struct {
	// Cookies are the names, in their exact case, of the session cookies that
	// make a session stick where the route names none. Empty means that none does.
	Cookies []string
	// Secure sets the Secure attribute always.
	Secure bool
	// Negotiate makes clients stick that authenticate by Negotiate: it is their
	// connection to one instance that is authenticated, so no other will do.
	Negotiate bool
}

// session is what a request tells of the session that it belongs to.
type session struct {
	names     []string // of the cookies that carry a session
	id        string   // the instance to stick to; "" for none
	mandatory bool     // that instance, or none
	meta      string   // the value of cookieVcapIDMeta

	cookie, value string // of the session itself, that sticks or begins to
}

// readSession reads the request's session. One of the session cookies must
// accompany the id: without a session there is nothing to stick for (reference
// 4.1). Both are hostile text: an id chooses among the instances that there are,
// and is never sent back.
func readSession(r *http.Request, cookies, names []string, negotiate bool) session {
	s := session{names: names}
	if !mentions(cookies, cookieVcapID) {
		return s
	}
	var id, cookie, value string
	for _, c := range r.Cookies() {
		switch {
		case c.Name == cookieVcapID && id == "": // the first: browsers send the longest path first
			id = c.Value
		case c.Name == cookieVcapIDMeta && s.meta == "":
			s.meta = c.Value
		case isSessionCookie(c.Name, names):
			cookie, value = c.Name, c.Value
		}
	}
	s.mandatory = negotiate && id != "" && isNegotiate(r.Header.Get("Authorization"))
	if cookie != "" || s.mandatory {
		s.id, s.cookie, s.value = id, cookie, value
	}
	return s
}

func mentions(lines []string, name string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, name) })
}

// isSessionCookie says whether a cookie is one of those named. The prefixes by
// which a cookie asks browsers for more safety are no part of the name that an
// application's framework knows.
func isSessionCookie(name string, names []string) bool {
	if slices.Contains(names, name) {
		return true
	}
	for _, prefix := range [...]string{"__Host-", "__Secure-", "__Http-", "__Host-Http-"} {
		if bare, ok := strings.CutPrefix(name, prefix); ok && slices.Contains(names, bare) {
			return true
		}
	}
	return false
}

// isNegotiate says whether the value of Authorization or WWW-Authenticate is of
// that scheme, in any case.
func isNegotiate(value string) bool {
	const scheme = "negotiate"
	return len(value) >= len(scheme) && strings.EqualFold(value[:len(scheme)], scheme)
}
