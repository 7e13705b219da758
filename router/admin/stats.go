package admin

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"devrouter/router/accesslog"
)

const (
	// countedComponents is how many components are told apart. The tag is
	// whatever a registration says, so there must be an end to them.
	countedComponents = 1_000
	// maxName is the longest component or app, in bytes, that is counted by name.
	maxName = 256
)

// Stats counts what /varz tells. Its methods may be called from any goroutine.
type Stats struct {
	started time.Time
	onRead  func() // nil for nothing

	mu          sync.Mutex // guards the rest; held for a batch of requests, or one copy
	all         *traffic
	components  map[string]*traffic
	apps        *appCounter
	badRequests int64
	badGateways int64
}

// NewStats returns Stats whose rates begin now.
func NewStats() *Stats {
	return &Stats{
		started:    time.Now(),
		all:        newTraffic(0),
		apps:       newAppCounter(),
		components: make(map[string]*traffic),
	}
}

// OnRead sets what is called before anything is read: it has Observe called with
// what has ended by then. It is called before the first read.
func (s *Stats) OnRead(catchUp func()) { s.onRead = catchUp }

// Observe counts finished requests, each at the time that it finished.
//
// As in gorouter, what the router answered without trying an endpoint is no
// traffic: its 400 and 404 are bad requests, the rest is not counted.
func (s *Stats) Observe(records ...*accesslog.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.observe(r)
	}
}

// observe counts one. The caller holds mu, as everyone below does.
func (s *Stats) observe(r *accesslog.Record) {
	byRouter := r.RouterError != ""
	if byRouter && r.Status == http.StatusBadGateway {
		s.badGateways++
	}
	if r.Attempts == 0 {
		if byRouter && (r.Status == http.StatusBadRequest || r.Status == http.StatusNotFound) {
			s.badRequests++
		}
		return
	}
	at := max(0, r.Finished.Sub(s.started))
	s.all.observe(at, r)
	if component := s.component(at, r.Endpoint.Component); component != nil {
		component.observe(at, r)
	}
	if app := r.Endpoint.App; isName(app) {
		s.apps.mark(at, app)
	}
}

// component returns the traffic of a component, nil when it is not counted.
func (s *Stats) component(at time.Duration, name string) *traffic {
	if !isName(name) {
		return nil
	}
	t := s.components[name]
	if t == nil && len(s.components) < countedComponents {
		t = newTraffic(at)
		s.components[strings.Clone(name)] = t
	}
	return t
}

func isName(s string) bool { return s != "" && len(s) <= maxName }

// catchUp has what has ended counted.
func (s *Stats) catchUp() {
	if s.onRead != nil {
		s.onRead()
	}
}

// report returns what /varz tells of some traffic.
func (s *Stats) report(at time.Duration, t *traffic) trafficJSON {
	s.mu.Lock()
	report, latencies := t.snapshot(at)
	s.mu.Unlock()
	report.Latency = percentiles(latencies) // requests need not wait for the sorting
	return report
}

// componentReports returns what /varz tells of each component.
func (s *Stats) componentReports(at time.Duration) map[string]trafficJSON {
	s.mu.Lock()
	byName := maps.Clone(s.components)
	s.mu.Unlock()
	reports := make(map[string]trafficJSON, len(byName))
	for name, t := range byName {
		reports[name] = s.report(at, t)
	}
	return reports
}
