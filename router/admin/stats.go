package admin

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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
	all     *traffic
	apps    *appCounter

	badRequests atomic.Int64
	badGateways atomic.Int64

	mu         sync.RWMutex // guards components
	components map[string]*traffic
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

// Observe counts one finished request, at the time that it finished.
//
// As in gorouter, what the router answered without trying an endpoint is no
// traffic: its 400 and 404 are bad requests, the rest is not counted.
func (s *Stats) Observe(r *accesslog.Record) {
	byRouter := r.RouterError != ""
	if byRouter && r.Status == http.StatusBadGateway {
		s.badGateways.Add(1)
	}
	if r.Attempts == 0 {
		if byRouter && (r.Status == http.StatusBadRequest || r.Status == http.StatusNotFound) {
			s.badRequests.Add(1)
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
	s.mu.RLock()
	t := s.components[name]
	full := len(s.components) >= countedComponents
	s.mu.RUnlock()
	if t != nil || full {
		return t
	}
	return s.addComponent(at, name)
}

func (s *Stats) addComponent(at time.Duration, name string) *traffic {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.components[name]
	if t == nil && len(s.components) < countedComponents {
		t = newTraffic(at)
		s.components[strings.Clone(name)] = t
	}
	return t
}

func isName(s string) bool { return s != "" && len(s) <= maxName }

// componentReports returns what /varz tells of each component.
func (s *Stats) componentReports(at time.Duration) map[string]trafficJSON {
	s.mu.RLock()
	byName := maps.Clone(s.components)
	s.mu.RUnlock()
	reports := make(map[string]trafficJSON, len(byName))
	for name, t := range byName {
		reports[name] = t.report(at)
	}
	return reports
}
