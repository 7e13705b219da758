package errorpage

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"devrouter/config/problem"
	"devrouter/router/route"
)

// maxLooked is how many routes are looked at for one page, of however many: the
// work is bounded, whoever asks.
const maxLooked = 500

// offer adds what there is instead of a host, and how to add it.
func (p *Pages) offer(f *facts, host string) {
	var same, others []route.Key
	looked := 0
	for pool := range p.opts.Table().All {
		if looked++; looked > maxLooked {
			break
		}
		if key := pool.Key(); key.Host == host {
			same = append(same, key)
		} else {
			others = append(others, key)
		}
	}
	slices.SortFunc(same, compareKeys)
	slices.SortFunc(others, compareKeys)
	for _, key := range slices.Concat(same, nearest(host, p.domain(), others)) {
		if len(f.Nearest) < 5 {
			f.Nearest = append(f.Nearest, p.link(key))
		}
	}
	for _, key := range slices.Concat(same, others) {
		if len(f.Routes) < maxRoutes {
			f.Routes = append(f.Routes, p.link(key))
		}
	}
	f.MoreRoutes = p.opts.Table().Routes() - len(f.Routes)
	if f.Add = p.line(host); f.Add != "" {
		f.File = p.opts.File
	}
}

func (p *Pages) domain() string { return cmp.Or(p.opts.Domain(), "localhost") }

func compareKeys(a, b route.Key) int {
	return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path))
}

func (p *Pages) link(key route.Key) link { return link{key.String(), p.opts.URL(key)} }

// A comparison costs the product of both lengths; what people type is shorter.
const maxCompared = 64

// nearest returns the routes of the hosts that are nearest to one, at most three,
// the nearest first. What both end with makes no name nearer to another.
func nearest(host, domain string, keys []route.Key) (near []route.Key) {
	if len(host) > maxCompared {
		return nil
	}
	name, within := strings.CutSuffix(host, "."+domain)
	var names []string
	for _, k := range keys {
		n, ok := strings.CutSuffix(k.Host, "."+domain)
		if k.Path == "" && ok == within && len(n) <= maxCompared && n[0] != '*' {
			names = append(names, n)
		}
	}
	for range 3 {
		best := problem.Nearest(name, names)
		if best == "" {
			break
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == best })
		if within {
			best += "." + domain
		}
		near = append(near, route.Key{Host: best})
	}
	return near
}

// line is what makes a route of a host in the file, or "" for what can be none.
func (p *Pages) line(host string) string {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || host == "localhost" || p.opts.File == "" {
		return ""
	}
	key, err := route.ParseKey(host)
	if err != nil || key.Host != host || key.Path != "" || host[0] == '*' {
		return ""
	}
	if name, ok := strings.CutSuffix(host, "."+p.domain()); ok && isPlain(name) {
		return name + ": 3000"
	}
	return fmt.Sprintf("%q: 3000", host)
}

// isPlain says whether a name needs no quotes in YAML: it begins with a letter, and
// is none of the words that mean something there.
func isPlain(name string) bool {
	switch name {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '-')) {
			return false
		}
	}
	return name != ""
}
