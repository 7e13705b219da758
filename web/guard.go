package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// CheckHost lets a request through to next when its Host is localhost, an IP
// literal or one of hosts (names without port), and refuses it with 421
// otherwise. A foreign site that points its own name at this machine (DNS
// rebinding) sends that name, and so reads nothing.
func CheckHost(hosts []string, next http.Handler) http.Handler {
	known := map[string]bool{"localhost": true}
	for _, host := range hosts {
		known[hostName(host)] = true
	}
	delete(known, "") // what a malformed Host reads as
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := hostName(r.Host); !known[name] && !isIP(name) {
			refuse(w, http.StatusMisdirectedRequest,
				"%q is not a name of this server, and a strange name may be another site's way in; open it as localhost or by its IP address", r.Host)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostName returns the name in a Host header: without port, brackets and
// trailing dot, in lower case; "" for what is no host.
func hostName(host string) string {
	if isIP(host) {
		return host // an IPv6 address as Options may give it, without brackets
	}
	if end := strings.LastIndexByte(host, ':'); end >= 0 && !strings.HasSuffix(host, "]") {
		if strings.Trim(host[end+1:], "0123456789") != "" {
			return ""
		}
		host = host[:end]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		if !closed || !isIP(inner) {
			return ""
		}
		return inner
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// sameOrigin refuses what a browser sends on behalf of another origin. Programs
// that are not browsers send neither header.
func sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
		if site != "" && site != "same-origin" && site != "none" || origin != "" && !isOrigin(origin, r.Host) {
			refuse(w, http.StatusForbidden, "another site asked for this; only this server's own page and programs may, or you from the address bar")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// openedOrOwn refuses what a browser fetches for another origin, such as an image
// whose address is a view: it shows nothing of it, but would count as somebody who
// looks, and have bodies kept. A link from anywhere may lead here.
func openedOrOwn(next http.Handler) http.Handler {
	own := sameOrigin(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Method == http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		own.ServeHTTP(w, r)
	})
}

// isOrigin says whether an Origin header names the host that was asked. The
// scheme may differ: something in front may end TLS.
func isOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// secured sets the headers that keep other sites, and names that came in over
// NATS, from acting through this page.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // none at all would make the origin of its own forms null
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin") // who opens it holds no window to count frames in, or to lead elsewhere
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, fmt.Sprintf(format, args...), status) // text/plain, nosniff
}
