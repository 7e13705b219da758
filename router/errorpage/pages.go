package errorpage

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"devrouter/router/proxy"
	"devrouter/router/route"
)

// Options configure Pages. Table is required. All that is given is told only to
// clients on this machine.
type Options struct {
	Table func() *route.Table
	// Source says where a route comes from: "routes.yaml:7", or "" when it came over
	// the bus. Optional.
	Source func(route.Key) string
	// URL is where a browser reaches a route, "" where it cannot. Optional.
	URL func(route.Key) string
	// File is the path of the file that routes are added to. Empty means none.
	File string
	// Problem returns what is wrong with the file, so that a former state of it is in
	// force; "" when it is as it stands. Optional.
	Problem func() string
	// Domain returns the domain of the file's apps, whose names may be told to who
	// asks by one of them. Nil, or "", means localhost.
	Domain func() string
	// Overview returns the URL of the page of all routes, "" for none. Optional.
	Overview func() string
	// LookAgain has those endpoints of a route that are down looked at soon. Optional.
	LookAgain func(*route.Pool)
	// Log nil discards.
	Log *slog.Logger
}

func (o *Options) setDefaults() {
	if o.Source == nil {
		o.Source = func(route.Key) string { return "" }
	}
	if o.URL == nil {
		o.URL = func(route.Key) string { return "" }
	}
	if o.Problem == nil {
		o.Problem = func() string { return "" }
	}
	if o.Domain == nil {
		o.Domain = func() string { return "" }
	}
	if o.Overview == nil {
		o.Overview = func() string { return "" }
	}
	if o.LookAgain == nil {
		o.LookAgain = func(*route.Pool) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Pages answers errors. Make it with New.
type Pages struct{ opts Options }

// New returns pages.
func New(o Options) *Pages {
	o.setDefaults()
	return &Pages{o}
}

// Answer is for proxy.Errors.ForPeople.
func (p *Pages) Answer(e *proxy.RouterError, header http.Header) []byte {
	switch formOf(e.Request) {
	case page:
		return p.page(e, header)
	case data:
		return p.data(e, header)
	}
	return nil
}

func (p *Pages) page(e *proxy.RouterError, header http.Header) []byte {
	body, err := render(p.facts(e))
	if err != nil {
		p.opts.Log.Error("an error has no page", "error", err.Error())
		return nil
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	keepNowhere(header)
	return body
}

func (p *Pages) data(e *proxy.RouterError, header http.Header) []byte {
	body, err := json.MarshalIndent(p.facts(e), "", "  ")
	if err != nil {
		p.opts.Log.Error("an error has no JSON", "error", err.Error())
		return nil
	}
	header.Set("Content-Type", "application/json")
	keepNowhere(header)
	return append(body, '\n')
}

// keepNowhere keeps a page that is true for the moment, and for one Accept, out of
// caches.
func keepNowhere(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Add("Vary", "Accept")
}
