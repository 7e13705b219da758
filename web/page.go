package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"clock":  func(t time.Time) string { return t.Local().Format(time.TimeOnly) },
	"moment": func(t time.Time) string { return t.Format(time.RFC3339Nano) },
	"label":  instanceLabel,
	"about":  instanceAbout,
	"parts":  uriParts,
	"web":    isWebLink,
	"mark":   eventMark,
	"expiry": expiry,
}).ParseFS(assets, "assets/page.html"))

// page is what the template is given. The script in page.js says the same things
// in the same words; whoever changes one changes the other.
type page struct {
	State
	Events []Event // latest first
	now    time.Time
}

func (s *Server) servePage(w http.ResponseWriter, _ *http.Request) {
	events := s.hub.events.since(0, recentEvents)
	slices.Reverse(events)
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, page{State: s.hub.state().normal(), Events: events, now: time.Now()})
	if err != nil {
		s.log.Error("page not rendered", "error", err)
		refuse(w, http.StatusInternalServerError, "this page could not be rendered; the log has the reason, /api/state the facts")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // the client is gone, or it is not
}

var assetTypes = map[string]string{
	"page.css": "text/css; charset=utf-8",
	"page.js":  "text/javascript; charset=utf-8",
	"icon.svg": "image/svg+xml",
}

// serveAsset serves the files that the page refers to. A browser asks again each
// time, and is told when its copy is still the one of this binary.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	contentType, ok := assetTypes[name]
	if !ok {
		serveNothing(w, r)
		return
	}
	content, err := assets.ReadFile(path.Join("assets", name))
	if err != nil {
		serveNothing(w, r)
		return
	}
	sum := sha256.Sum256(content)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// Count sums the table up in a line.
func (p page) Count() string {
	instances, failed := 0, 0
	for _, r := range p.Routes {
		instances += len(r.Instances)
		for _, i := range r.Instances {
			if i.Failed {
				failed++
			}
		}
	}
	count := plural(len(p.Routes), "route") + ", " + plural(instances, "instance")
	if failed > 0 {
		count += fmt.Sprintf(", %d failed", failed)
	}
	return count
}

// Verdict says what became of the routes file, in a sentence that goes on after
// its name.
func (p page) Verdict() string {
	switch p.File.Status {
	case FileApplied:
		return "applied"
	case FileRejected:
		return "has " + plural(len(p.File.Problems), "problem") + " and was not applied. " + p.stillServes()
	case FileMissing:
		return "does not exist. It is read as soon as it is saved."
	case FileEmpty:
		return "is empty, which changes nothing: apps: {} means no routes. " + p.stillServes()
	case FileOff:
		return "No routes file is watched."
	}
	return p.File.Status
}

func (p page) stillServes() string {
	if p.File.Applied.IsZero() {
		return "There has been no good version of it yet."
	}
	return "The last good table still serves, applied at " + p.File.Applied.Local().Format(time.TimeOnly) + "."
}

// Ago says how long a moment is past.
func (p page) Ago(t time.Time) string {
	switch d := p.now.Sub(t); {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d d ago", d/(24*time.Hour))
	}
}

// Left says how long it is to a moment.
func (p page) Left(t time.Time) string {
	switch d := t.Sub(p.now); {
	case d <= 0:
		return "due"
	case d < 3*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 3*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	default:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
}

// Example is where the app of the empty page's example would be.
func (p page) Example() string {
	u, err := url.Parse(p.RouterURL)
	if err != nil || u.Port() == "" {
		return "http://web.localhost"
	}
	return "http://web.localhost:" + u.Port()
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
	for _, name := range slices.Sorted(maps.Keys(i.Tags)) {
		about = append(about, name+"="+i.Tags[name])
	}
	return strings.Join(about, ", ")
}

// eventMark names the first character of an event's text for the style sheet.
func eventMark(text string) string {
	switch {
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
