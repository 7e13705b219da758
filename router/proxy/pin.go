package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"devrouter/router/route"
)

// A link cannot send a header. What X-CF-App-Instance does for programs, a cookie
// of that name does for browsers, and these addresses, which every route has when
// Options.Pins is set, give it to them and take it away.
const (
	wellKnown = "/.well-known/devrouter/"
	// PinPath, followed by the name of an instance, pins a browser to it: its host:port,
	// its id, or app:index. ?to=/path says where to go then.
	PinPath = wellKnown + "pin/"
	// UnpinPath ends that.
	UnpinPath = wellKnown + "unpin"
)

const (
	cookieAppInstance = "X-CF-App-Instance"
	maxPinName        = 1024 // bytes
	maxPins           = 8    // cookies of one request that are looked at
)

// isForRouter says whether a request is for the router itself. Apps do not get it.
func (ex *exchange) isForRouter() bool {
	return strings.HasPrefix(ex.r.URL.Path, wellKnown) && ex.h.opts.Pins
}

// serveSelf answers what is for the router itself, at the route that takes ?to.
func (ex *exchange) serveSelf() {
	path := ex.r.URL.Path
	name, pins := strings.CutPrefix(path, PinPath)
	to, ok := localTarget(ex.r.URL.Query().Get("to"))
	switch {
	case !pins && path != UnpinPath:
		ex.refuse(unknownService)
		return
	case !mayPin(ex.r):
		ex.refuse(pinRefused)
		return
	case !ok:
		ex.refuse(invalidReturn)
		return
	}
	pool := ex.h.opts.Table.Lookup(ex.r.Host, to.EscapedPath())
	switch {
	case pool == nil:
		ex.refuse(unknownRoute, ex.r.Host)
		return
	case pins && !hasInstance(pool, called(name)):
		ex.refuse(unknownInstance, name[:min(len(name), 100)], ex.r.Host)
		return
	}
	header := ex.w.Header()
	if at := cookiePath(pool.ContextPath()); pins {
		header.Add("Set-Cookie", ex.pinCookie(name, at).String())
	} else {
		header.Add("Set-Cookie", ex.pinCookie("", at).String())
		if at != "/" { // where a pin may have come from that counts here, too
			header.Add("Set-Cookie", ex.pinCookie("", "/").String())
		}
	}
	header.Set("Location", to.String())
	header.Set("Cache-Control", "no-store")
	ex.h.opts.Rewrite.apply(header)
	ex.writeHead(http.StatusSeeOther)
}

// mayPin says whether a request was made by somebody who goes there. What another
// page embeds or a browser loads ahead pins nothing.
func mayPin(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.Method == http.MethodGet && (dest == "" || dest == "document") &&
		r.Header.Get("Sec-Purpose") == "" && r.Header.Get("Purpose") == ""
}

// localTarget reads a path of the same host, and refuses whatever a browser could
// take for another host: it takes \ for /, and leaves out tabs and line breaks.
func localTarget(to string) (*url.URL, bool) {
	if to == "" {
		to = "/"
	}
	if to[0] != '/' || strings.HasPrefix(to, "//") ||
		strings.ContainsFunc(to, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) {
		return nil, false
	}
	u, err := url.Parse(to)
	return u, err == nil && u.Host == "" && strings.HasPrefix(u.String(), "/") && !strings.HasPrefix(u.String(), "//")
}

// pinCookie pins to an instance, or ends that when the name is empty. It is read
// by the router alone.
func (ex *exchange) pinCookie(name, path string) *http.Cookie {
	c := &http.Cookie{
		Name: cookieAppInstance, Value: url.PathEscape(name), Path: path, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: ex.r.TLS != nil || ex.h.opts.Sticky.Secure,
	}
	if name == "" {
		c.MaxAge = -1
	}
	return c
}

// pinned returns what the request's cookies leave of the pool: the instance that
// its browser is pinned to. Nil is all of it: nobody has pinned it, or none of those
// instances is there any more, which the reply then says by ending the cookie.
func (ex *exchange) pinned() func(*route.Endpoint) bool {
	if !mentions(ex.head.cookies, cookieAppInstance) || !ex.h.opts.Pins {
		return nil
	}
	pins := ex.r.CookiesNamed(cookieAppInstance)
	for _, c := range pins[:min(len(pins), maxPins)] {
		name, err := url.PathUnescape(c.Value)
		if err != nil {
			name = ""
		}
		if only := called(name); hasInstance(ex.pool, only) {
			ex.pin, ex.unpin = name, false
			return only
		}
		ex.unpin = true
	}
	return nil
}

// endPin ends a pin to an instance that is gone. One that counts for another route
// of the host has another path, and stays.
func (ex *exchange) endPin(header http.Header) {
	if ex.unpin && !sentToService(ex.out.Header) {
		header.Add("Set-Cookie", ex.pinCookie("", cookiePath(ex.pool.ContextPath())).String())
	}
}

// called says which endpoints a name is for: it is hostile text, and chooses among
// those that there are.
func called(name string) func(*route.Endpoint) bool {
	app, index := "", ""
	if colon := strings.LastIndexByte(name, ':'); colon > 0 {
		app, index = name[:colon], name[colon+1:]
	}
	return func(e *route.Endpoint) bool {
		if name == "" || len(name) > maxPinName {
			return false
		}
		return e.Addr == name || e.InstanceID == name || index != "" && e.App == app && e.InstanceIndex == index
	}
}
