package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// column is one of the table's, by which it may be sorted.
type column struct {
	Key, Name string
	compare   func(a, b Route) int // nil for one that is not sorted by
	greatest  bool                 // the greatest first
	number    bool
}

var columns = []column{
	{Key: "uri", Name: "Route", compare: func(a, b Route) int { return strings.Compare(a.URI, b.URI) }},
	{Key: "instances", Name: "Instances", greatest: true, compare: func(a, b Route) int {
		return cmp.Or(cmp.Compare(instancesDown(a), instancesDown(b)), cmp.Compare(len(a.Instances), len(b.Instances)))
	}},
	{Key: "source", Name: "Source", compare: func(a, b Route) int { return strings.Compare(a.Source, b.Source) }},
	{Key: "rate", Name: "Traffic", greatest: true, compare: func(a, b Route) int {
		now := time.Now()
		return cmp.Or(cmp.Compare(rate(a.Traffic, now), rate(b.Traffic, now)), cmp.Compare(a.Requests, b.Requests))
	}},
	{Key: "p95", Name: "p50 / p95 ms", greatest: true, number: true, compare: func(a, b Route) int { return cmp.Compare(a.Traffic.P95, b.Traffic.P95) }},
	{Key: "errors", Name: "Errors", greatest: true, number: true, compare: func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Traffic.Errors5xx, b.Traffic.Errors5xx), cmp.Compare(a.Traffic.Errors4xx, b.Traffic.Errors4xx))
	}},
}

func instancesDown(r Route) (n int) {
	for _, i := range r.Instances {
		if i.Health == HealthDown {
			n++
		}
	}
	return n
}

// routesPage is the table. Search and order are in its address, so that they
// work without a script and can be kept.
type routesPage struct {
	page
	Query, Sort string // Sort is a column's key, behind a "-" for the other direction
	Rows        []Route
}

func (s *Server) serveRoutesPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	p := routesPage{page: s.page("routes", "devrouter"), Query: query.Get("q"), Sort: query.Get("sort")}
	p.withForm(r)
	p.Rows = slices.DeleteFunc(slices.Clone(p.Routes), func(r Route) bool { return !matches(r, p.Query) })
	if c, backwards, ok := sorted(p.Sort); ok {
		slices.SortStableFunc(p.Rows, func(a, b Route) int {
			if c.greatest != backwards {
				a, b = b, a
			}
			return c.compare(a, b)
		})
	}
	s.render(w, "routes", p)
}

// sorted finds the column that a table is sorted by.
func sorted(by string) (c column, backwards, ok bool) {
	key, backwards := strings.CutPrefix(by, "-")
	at := slices.IndexFunc(columns, func(c column) bool { return c.Key == key && c.compare != nil })
	if at < 0 {
		return column{}, false, false
	}
	return columns[at], backwards, true
}

// matches says whether a route has every word of a query.
func matches(r Route, query string) bool {
	text := []string{r.URI, r.App, r.Source}
	for _, i := range r.Instances {
		text = append(text, i.Addr, i.Health, i.HealthWhy)
	}
	all := strings.ToLower(strings.Join(text, " "))
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

// heading is a column's, as the template shows it.
type heading struct {
	Key, Name, Link, Direction string
	Number                     bool
}

// Columns are the headings, each a link that sorts by it, and the other way
// round when it is sorted by already.
func (p routesPage) Columns() (headings []heading) {
	by, backwards, _ := sorted(cmp.Or(p.Sort, "uri"))
	for _, c := range columns {
		h := heading{Key: c.Key, Name: c.Name, Number: c.number}
		if c.compare != nil {
			to := url.Values{"sort": {c.Key}}
			if c.Key == by.Key {
				h.Direction = direction(c.greatest != backwards)
				if !backwards {
					to.Set("sort", "-"+c.Key)
				}
			}
			if p.Query != "" {
				to.Set("q", p.Query)
			}
			h.Link = "?" + to.Encode()
		}
		headings = append(headings, h)
	}
	return headings
}

func direction(descending bool) string {
	if descending {
		return "descending"
	}
	return "ascending"
}
