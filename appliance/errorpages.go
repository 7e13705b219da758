package appliance

import (
	"path/filepath"
	"strings"

	"devrouter/config"
	"devrouter/devapps"
	"devrouter/router"
	"devrouter/router/errorpage"
	"devrouter/router/route"
)

// addErrorPages answers people, and programs that ask for JSON, with more than
// gorouter's line. The router asks once it serves: a.router is there then.
func (a *Appliance) addErrorPages(o *router.Options, c *config.Config) {
	pages := errorpage.New(errorpage.Options{
		Table:     func() *route.Table { return a.router.Table() },
		LookAgain: func(p *route.Pool) { a.router.LookAgain(p) },
		Source:    a.fileSource,
		URL:       a.linkTo,
		File:      absolute(c.RoutesFile),
		Problem:   a.fileProblem,
		Domain:    a.fileDomain,
		Overview:  func() string { return a.URLs().Page },
		Log:       a.component("proxy"),
	})
	o.Proxy.Errors.ForPeople = pages.Answer
	o.Proxy.Waiting = pages
}

// linkTo is where a browser reaches a route, "" for a wildcard.
func (a *Appliance) linkTo(key route.Key) string {
	if strings.HasPrefix(key.Host, "*") {
		return ""
	}
	return a.urlOf(key)
}

// fileProblem is the first problem of a file that was not applied.
func (a *Appliance) fileProblem() string {
	if a.apps == nil {
		return ""
	}
	if s := a.apps.State(); s.Status == devapps.StatusRejected && len(s.Problems) > 0 {
		return s.Problems[0].Error()
	}
	return ""
}

func (a *Appliance) fileDomain() string {
	if a.apps == nil {
		return ""
	}
	if m := a.apps.State().Manifest; m != nil {
		return m.Domain
	}
	return ""
}

// absolute is a path as it can be opened from anywhere, or as it stands.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
