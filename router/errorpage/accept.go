package errorpage

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"devrouter/router/route"
)

// form is what a client can make use of.
type form int

const (
	line form = iota // gorouter's line of text
	data             // JSON
	page             // HTML
)

// formOf reads a request's Accept. A page is for the navigation of a browser: its
// scripts ask for other things, or say by Sec-Fetch-Mode that they are no
// navigation. Old browsers say nothing; theirs are known by their method.
func formOf(r *http.Request) form {
	html, js := accepts(r.Header["Accept"])
	switch mode := r.Header.Get("Sec-Fetch-Mode"); {
	case html && (mode == "navigate" || mode == "" && isSafe(r.Method)):
		return page
	case js && !html:
		return data
	}
	return line
}

func isSafe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// accepts says whether HTML and JSON are named, and not refused.
func accepts(lines []string) (html, js bool) {
	for _, l := range lines {
		for part := range strings.SplitSeq(l, ",") {
			kind, params, _ := strings.Cut(part, ";")
			if isRefused(params) {
				continue
			}
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case "text/html", "application/xhtml+xml":
				html = true
			case "application/json":
				js = true
			}
		}
	}
	return html, js
}

// isRefused says whether the parameters of a type have a q of 0.
func isRefused(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && q == 0
		}
	}
	return false
}

// tellsAll says whether a client may be told what there is on this machine. It
// must be here itself, and ask by a name that no other site can have pointed here,
// or its pages would read the answer.
func (p *Pages) tellsAll(r *http.Request) bool {
	return isHere(r) && p.isOurs(route.NormalHost(r.Host))
}

// isHere says whether a client is on this machine itself, and not behind a proxy
// or a tunnel that is.
func isHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Unmap().IsLoopback() {
		return false
	}
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return true
}

// isOurs says whether a host is this machine's by its very name.
func (p *Pages) isOurs(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	domain := p.opts.Domain()
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain)) ||
		p.opts.Table().Lookup(host, "/") != nil
}
