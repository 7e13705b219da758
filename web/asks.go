package web

import (
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"

	"devrouter/config/problem"
)

// asks are what the templates ask the views' data for. They call these functions
// and no methods: to call a method by its name in a template, the linker would
// have to keep every method of every type in the program, a tenth of its size.
var asks = template.FuncMap{
	"nav":           func(v interface{ Nav() []navEntry }) []navEntry { return v.Nav() },
	"routeCount":    func(v interface{ Count() string }) string { return v.Count() },
	"verdict":       func(v interface{ Verdict() string }) string { return v.Verdict() },
	"firstProblems": func(v interface{ FirstProblems() []problem.Problem }) []problem.Problem { return v.FirstProblems() },
	"moreProblems":  func(v interface{ MoreProblems() int }) int { return v.MoreProblems() },
	"fileRoutes":    func(v interface{ FileRoutes() []Route }) []Route { return v.FileRoutes() },
	"fileCount":     func(v interface{ FileCount() string }) string { return v.FileCount() },
	"natsPublish":   func(v interface{ NATSPublish() string }) string { return v.NATSPublish() },
	"firstLink":     func(v interface{ FirstLink() string }) string { return v.FirstLink() },
	"example":       func(v interface{ Example() string }) string { return v.Example() },

	"asked":    requestsPage.Get,
	"paged":    requestsPage.Paged,
	"filtered": requestsPage.Filtered,
	"older":    requestsPage.Older,
	"statuses": requestsPage.Statuses, "filterMethods": requestsPage.Methods,
	"newest": requestsPage.Newest,

	"gone":          routePage.Gone,
	"firstSessions": routePage.FirstSessions,
	"moreSessions":  routePage.MoreSessions,
	"pin":           routePage.Pin,
	"pinned":        routePage.Pinned,
	"again":         routePage.Again,
	"pinLink":       func(p routePage, i Instance) string { return p.pinLink(p.Route, i) },
	"unpinLink":     func(p routePage) string { return p.unpinLink(p.Route) },
	"chipOf":        chipOf,
	"columns":       routesPage.Columns,

	"position": problem.Problem.Position,
	"excerpt":  problem.Problem.Excerpt,
	"isZero":   time.Time.IsZero,
}
