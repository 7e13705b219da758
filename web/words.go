package web

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// words are what the templates say things with. assets/words.js says the same of
// what changes while the page is open; whoever changes one changes the other.
var words = template.FuncMap{
	"clock":       clock,
	"moment":      func(t time.Time) string { return t.Format(time.RFC3339Nano) },
	"ago":         ago,
	"left":        left,
	"label":       instanceLabel,
	"about":       instanceAbout,
	"whys":        whysDown,
	"parts":       uriParts,
	"subtitle":    subtitle,
	"web":         isWebLink,
	"mark":        eventMark,
	"expiry":      expiry,
	"spark":       func(t Traffic) string { return sparkPath(t, time.Now()) },
	"past":        past,
	"rate":        func(t Traffic) string { return perSecond(rate(t, time.Now())) },
	"duration":    duration,
	"millis":      millis,
	"size":        bytesText[int64],
	"errors":      errorShare,
	"latency":     latencyText,
	"inc":         func(id uint64) uint64 { return id + 1 },
	"dec":         func(id uint64) uint64 { return id - 1 },
	"mega":        megabytes,
	"sizes":       bytesText[int],
	"count":       func(n int64, noun string) string { return plural(int(n), noun) },
	"methods":     func() []string { return methods },
	"indented":    indented,
	"withoutPort": withoutPort,
	"publish":     publish,
	"stretches":   stretches,
	"statusClass": statusClass,
	"bodyText":    bodyText,
	"bodyNote":    bodyNote,
	"share":       percent,
	"detail":      func(uri string) string { return "/route?uri=" + url.QueryEscape(uri) },
}

func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// distance is a moment, and how far it is.
type distance struct {
	time.Time
	text string
}

func (d distance) String() string { return d.text }

// ago says how long a moment is past.
func ago(t time.Time) distance {
	switch d := time.Since(t); {
	case d < time.Second:
		return distance{t, "just now"}
	case d < time.Minute:
		return distance{t, fmt.Sprintf("%d s ago", d/time.Second)}
	case d < time.Hour:
		return distance{t, fmt.Sprintf("%d min ago", d/time.Minute)}
	case d < 24*time.Hour:
		return distance{t, fmt.Sprintf("%d h ago", d/time.Hour)}
	default:
		return distance{t, fmt.Sprintf("%d d ago", d/(24*time.Hour))}
	}
}

// left says how long it is to a moment.
func left(t time.Time) distance {
	switch d := time.Until(t); {
	case d <= 0:
		return distance{t, "due"}
	case d < 3*time.Minute:
		return distance{t, fmt.Sprintf("%d s", d/time.Second)}
	case d < 3*time.Hour:
		return distance{t, fmt.Sprintf("%d min", d/time.Minute)}
	default:
		return distance{t, fmt.Sprintf("%d h", d/time.Hour)}
	}
}

// expiry returns when the first of the route's instances leaves the table, zero
// when none ages.
func expiry(r Route) time.Time {
	var first time.Time
	for _, i := range r.Instances {
		if !i.Expires.IsZero() && (first.IsZero() || i.Expires.Before(first)) {
			first = i.Expires
		}
	}
	return first
}

// uriParts splits a URI into the first label, which tells routes apart, the rest
// of the host, and the path.
func uriParts(uri string) [3]string {
	host, rest, hasPath := strings.Cut(uri, "/")
	if hasPath {
		rest = "/" + rest
	}
	dot := strings.IndexByte(host, '.')
	if name, wildcard := strings.CutPrefix(host, "*."); wildcard {
		if dot = strings.IndexByte(name, '.'); dot >= 0 {
			dot += len("*.")
		}
	}
	if dot < 0 || isIP(host) {
		return [3]string{host, "", rest}
	}
	return [3]string{host[:dot], host[dot:], rest}
}

// instanceLabel is the address, without its host when that is this machine.
func instanceLabel(addr string) string {
	colon := strings.LastIndexByte(addr, ':')
	if colon < 0 {
		return addr
	}
	host := strings.Trim(addr[:colon], "[]")
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return addr[colon:]
	}
	return addr
}

// withoutPort is a Host for a list, in which the port is the same in every row.
func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil && !strings.Contains(name, ":") {
		return name
	}
	return host
}

// instanceAbout is what a chip says beyond its label.
func instanceAbout(i Instance) string {
	about := []string{i.Addr}
	add := func(name, value string) {
		if value != "" {
			about = append(about, name+" "+value)
		}
	}
	add("instance", i.Index)
	add("id", i.ID)
	add("zone", i.Zone)
	add("from", i.Source)
	add("down:", i.Error)
	for _, name := range slices.Sorted(maps.Keys(i.Tags)) {
		about = append(about, name+"="+i.Tags[name])
	}
	return strings.Join(about, ", ")
}

// whysDown says what is wrong with the instances of a route, in lines below their
// chips: one for all that are down for the same reason.
func whysDown(all []Instance) (lines []string) {
	alike := map[string][]Instance{}
	var reasons []string // in the order of the instances
	for _, i := range all {
		if i.Health != HealthDown {
			continue
		}
		why := cmp.Or(i.HealthWhy, i.Error, "failed")
		if alike[why] == nil {
			reasons = append(reasons, why)
		}
		alike[why] = append(alike[why], i)
	}
	for _, why := range reasons {
		down := alike[why]
		line := instanceLabel(down[0].Addr) + " " + why
		if len(down) > 1 {
			line = fmt.Sprintf("%d of %d down: %s", len(down), len(all), why)
		}
		if since := firstFall(down); !since.IsZero() {
			line += ", since " + clock(since)
		}
		lines = append(lines, line)
	}
	return lines
}

// firstFall is when the first of some instances went down.
func firstFall(down []Instance) (first time.Time) {
	for _, i := range down {
		if first.IsZero() || !i.HealthSince.IsZero() && i.HealthSince.Before(first) {
			first = i.HealthSince
		}
	}
	return first
}

// subtitle is the name of the route's app, where the URI does not say it.
func subtitle(r Route) string {
	if host, _, _ := strings.Cut(r.URI, "/"); r.App == host || r.App == uriParts(r.URI)[0] {
		return ""
	}
	return r.App
}

// eventMark says for the style sheet what kind of news an event is: most say so by
// the first character of their text.
func eventMark(e Event) string {
	text := e.Text
	switch {
	case e.Kind == "endpoint-down":
		return "wrong"
	case e.Kind == "endpoint-up":
		return "added"
	case strings.HasPrefix(text, "+"):
		return "added"
	case strings.HasPrefix(text, "-"):
		return "removed"
	case strings.HasPrefix(text, "!"):
		return "wrong"
	}
	return "other"
}

// isWebLink says whether a URL may become a link.
func isWebLink(link string) bool {
	return strings.HasPrefix(link, "http://") || strings.HasPrefix(link, "https://") ||
		strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
