package admin

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"time"

	"devrouter/router/accesslog"
)

// Buckets are the upper bounds of the histograms' buckets, each list in rising
// order. An empty one means the default that its field names.
type Buckets struct {
	// LookupTime is for route_lookup_time, in nanoseconds: 10,000 to 100,000.
	LookupTime []float64
	// GorouterTime is for gorouter_time, in seconds: 0.0001 to 1. gorouter's own
	// choice, 1 to 1000, puts every request into the first bucket.
	GorouterTime []float64
	// RegistrationLatency is for route_registration_latency, in milliseconds: 0.1 to 4.
	RegistrationLatency []float64
	// Latency is for latency, in milliseconds: 1 to 60,000.
	Latency []float64
	// HTTPLatency is for http_latency_seconds: Prometheus's own, 0.005 to 10.
	HTTPLatency []float64
}

func (b *Buckets) fill() {
	fill := func(list *[]float64, bounds ...float64) {
		if len(*list) == 0 {
			*list = bounds
		}
	}
	fill(&b.LookupTime, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000, 90_000, 100_000)
	fill(&b.GorouterTime, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
	fill(&b.RegistrationLatency, 0.1, 0.2, 0.4, 0.8, 1, 1.5, 2, 3, 4)
	fill(&b.Latency, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
	fill(&b.HTTPLatency, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
}

// Gauges are asked when the metrics are read. A nil one is always 0.
type Gauges struct {
	// Routes returns the number of routes, for total_routes.
	Routes func() int
	// SinceUpdate returns how long ago the last registration came, for
	// ms_since_last_registry_update.
	SinceUpdate func() time.Duration
	// Buffered and Dropped return how many messages of the bus wait to be
	// processed, and how many were lost because too many did.
	Buffered, Dropped func() int
}

// MetricsOptions configure Metrics. The zero value is usable.
type MetricsOptions struct {
	Buckets Buckets
	Gauges  Gauges
	// NoPerRequest leaves the histograms out that each request adds to: latency,
	// gorouter_time and route_lookup_time (per_request_metrics_reporting: false).
	NoPerRequest bool
	// PerApp adds http_latency_seconds, a histogram for each source_id
	// (per_app_prometheus_http_metrics_reporting).
	PerApp bool
	// Muzzle is how long after NewMetrics no route_registration_latency is
	// recorded: at the start everything registers that has long been there.
	Muzzle time.Duration
}

// Metrics are gorouter's metrics by gorouter's names (reference 8.4), in a
// registry of their own. The methods may be called from any goroutine.
type Metrics struct {
	opts    MetricsOptions
	started time.Time
	all     exposition
	onRead  func() // nil for nothing

	registryMessage   *family // action, component
	unregistryMessage *family // component
	components        labels
	sources           labels

	mu          sync.Mutex                  // guards byComponent and the histograms; held for a batch of requests, or one copy
	byComponent map[string]*componentMeters // what a component's requests add to, by the label's value

	pruned              *counter
	registrationLatency *histogram
	lookupTime          *histogram
	gorouterTime        *histogram
	latency             *family // component
	httpLatency         *family // source_id
	requests            *family // component
	responses           statusGroups
	routeServices       statusGroups

	rejected, badGateways, emptyLength             *counter
	invalidID, invalidCert, handshakes, connLimits *counter
	websocketUpgrades, websocketFailures           *counter
}

type componentMeters struct {
	requests *counter
	latency  *histogram
}

// statusGroups are the counters of one metric with the label status_group, by
// the status's first digit; 0 stands for all others.
type statusGroups [6]*counter

func (g *statusGroups) count(status int) {
	class := status / 100
	if class < 2 || class > 5 {
		class = 0
	}
	g[class].Inc()
}

// NewMetrics returns metrics that all stand at zero.
func NewMetrics(o MetricsOptions) *Metrics {
	o.Buckets.fill()
	m := &Metrics{opts: o, started: time.Now(), byComponent: make(map[string]*componentMeters)}
	m.describeRegistry()
	m.describeRequests()
	m.describeFailures()
	m.describeGauges()
	m.describeReading()
	return m
}

// describeRegistry makes what registrations add to.
func (m *Metrics) describeRegistry() {
	m.registryMessage = m.counters("registry_message", "number of route registration messages", "action", "component")
	m.unregistryMessage = m.counters("unregistry_message", "number of unregister messages", "component")
	m.pruned = m.counter("routes_pruned", "number of pruned endpoints")
	m.registrationLatency = m.histogram("route_registration_latency", "time from an endpoint's change to its registration in ms", m.opts.Buckets.RegistrationLatency)
}

// describeRequests makes what every request adds to.
func (m *Metrics) describeRequests() {
	b := &m.opts.Buckets
	m.requests = m.counters("total_requests", "number of requests sent to endpoints", "component")
	m.responses = m.statusGroups("responses", "number of replies to requests that were sent to endpoints")
	m.routeServices = m.statusGroups("responses_route_services", "number of replies of route services")
	if !m.opts.NoPerRequest {
		m.lookupTime = m.histogram("route_lookup_time", "route lookup time in ns, of one request in 64", b.LookupTime)
		m.gorouterTime = m.histogram("gorouter_time", "time that a request spent in the router itself in seconds", b.GorouterTime)
		m.latency = m.histograms("latency", "routing response latency in ms", b.Latency, "component")
	}
	if m.opts.PerApp {
		m.httpLatency = m.histograms("http_latency_seconds", "time from a request to the end of its reply in seconds", b.HTTPLatency, "source_id")
	}
}

// describeFailures makes what single requests add to.
func (m *Metrics) describeFailures() {
	m.rejected = m.counter("rejected_requests", "number of requests that the router answered with 400 or 404")
	m.badGateways = m.counter("bad_gateways", "number of requests that the router answered with 502")
	m.emptyLength = m.counter("empty_content_length_header", "number of requests with an empty Content-Length header")
	m.invalidID = m.counter("backend_invalid_id", "number of requests that failed because the endpoint's certificate is for another name")
	m.invalidCert = m.counter("backend_invalid_tls_cert", "number of requests that failed because the endpoint's certificate is not trusted")
	m.handshakes = m.counter("backend_tls_handshake_failed", "number of requests that failed in the TLS handshake with the endpoint")
	m.connLimits = m.counter("backend_exhausted_conns", "number of requests refused because every endpoint has as many as it may")
	m.websocketUpgrades = m.counter("websocket_upgrades", "number of WebSockets that were opened")
	m.websocketFailures = m.counter("websocket_failures", "number of WebSockets that could not be opened")
}

// describeGauges makes what is asked for when the metrics are read.
func (m *Metrics) describeGauges() {
	g := &m.opts.Gauges
	m.gauge("total_routes", "number of routes", func() float64 { return ask(g.Routes) })
	m.gauge("ms_since_last_registry_update", "time since the last registration in ms", func() float64 {
		return float64(ask(g.SinceUpdate)) / float64(time.Millisecond)
	})
	m.gauge("buffered_messages", "number of messages of the bus that wait", func() float64 { return ask(g.Buffered) })
	m.gauge("total_dropped_messages", "number of messages of the bus that were lost because too many waited", func() float64 { return ask(g.Dropped) })
	if countsFiles {
		m.gauge("file_descriptors", "number of open file descriptors", func() float64 { return float64(openFiles()) })
	}
}

// describeReading makes what the reading of the metrics itself adds to.
func (m *Metrics) describeReading() {
	errors := m.counters("promhttp_metric_handler_errors_total", "Total number of internal errors encountered by the promhttp metric handler.", "cause")
	errors.with("gathering")
	m.all.failed = errors.with("encoding").(*counter)
}

func ask[T int | time.Duration](gauge func() T) float64 {
	if gauge == nil {
		return 0
	}
	return float64(gauge())
}

func (m *Metrics) counter(name, help string) *counter {
	return m.counters(name, help).with().(*counter)
}

func (m *Metrics) counters(name, help string, labels ...string) *family {
	return m.all.add(name, help, "counter", labels, func() series { return new(counter) })
}

func (m *Metrics) statusGroups(name, help string) (groups statusGroups) {
	c := m.counters(name, help, "status_group")
	for class, group := range [...]string{0: "xxx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"} {
		if group != "" {
			groups[class] = c.with(group).(*counter)
		}
	}
	return groups
}

func (m *Metrics) histogram(name, help string, buckets []float64) *histogram {
	return m.histograms(name, help, buckets).with().(*histogram)
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *family {
	return m.all.add(name, help, "histogram", labels, func() series { return newHistogram(&m.mu, buckets) })
}

func (m *Metrics) gauge(name, help string, read func() float64) {
	m.all.add(name, help, "gauge", nil, func() series { return gauge(read) })
}

// Handler serves the metrics in Prometheus's text format, to whoever asks: like
// gorouter's, it wants no password.
func (m *Metrics) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.onRead != nil {
			m.onRead()
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		m.all.ServeHTTP(w, r)
	})
}

// Registered counts one URI of a router.register message. action is "added",
// "updated" or "unmodified".
func (m *Metrics) Registered(component, action string) {
	m.registryMessage.with(action, m.components.value(component)).(*counter).Inc()
}

// Unregistered counts one URI of a router.unregister message.
func (m *Metrics) Unregistered(component string) {
	m.unregistryMessage.with(m.components.value(component)).(*counter).Inc()
}

// RegistrationLatency records how long an endpoint's change took to arrive here.
// Clocks differ: what seems to have changed in the future took no time.
func (m *Metrics) RegistrationLatency(latency time.Duration) {
	if time.Since(m.started) < m.opts.Muzzle {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.registrationLatency.add(float64(max(0, latency)) / float64(time.Millisecond))
}

// Pruned counts endpoints that were removed for want of a heartbeat.
func (m *Metrics) Pruned(endpoints int) { m.pruned.Add(endpoints) }

// OnRead sets what is called before the metrics are read: it has Observe called with
// what has ended by then. It is called before the first read.
func (m *Metrics) OnRead(catchUp func()) { m.onRead = catchUp }

// Observe counts finished requests.
//
// As in gorouter, what the router answered without trying an endpoint adds to
// the failures only.
func (m *Metrics) Observe(records ...*accesslog.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		m.observe(r)
	}
}

// observe counts one. The caller holds mu.
func (m *Metrics) observe(r *accesslog.Record) {
	if r.RouteService {
		m.routeServices.count(r.Status)
	}
	m.observeFailure(r)
	if r.LookupTime > 0 && m.lookupTime != nil {
		m.lookupTime.add(float64(r.LookupTime))
	}
	if r.Attempts == 0 {
		return
	}
	meters := m.meters(r.Endpoint.Component)
	meters.requests.Add(r.Attempts)
	m.observeWebSocket(r)
	if r.Status == 0 {
		return // the client has seen none
	}
	m.responses.count(r.Status)
	if r.Upgraded {
		return // a tunnel lasts as long as its user likes, which says nothing of latency
	}
	took := max(0, r.Finished.Sub(r.Started))
	if meters.latency != nil {
		meters.latency.add(float64(took) / float64(time.Millisecond))
		m.gorouterTime.add(max(0, r.RouterTime()).Seconds())
	}
	if m.httpLatency != nil {
		source := cmp.Or(r.Endpoint.SourceID, "gorouter")
		m.httpLatency.with(m.sources.value(source)).(*histogram).add(took.Seconds())
	}
}

// observeFailure counts what the router answered itself, and odd requests.
func (m *Metrics) observeFailure(r *accesslog.Record) {
	if r.Request != nil {
		for _, length := range r.Request.Header["Content-Length"] {
			if strings.TrimSpace(length) == "" {
				m.emptyLength.Inc()
			}
		}
	}
	if r.RouterError == "" || r.FailedAttempts < r.Attempts {
		return // an endpoint answered
	}
	switch failed := r.Attempts > 0; {
	case r.RouterError == "Connection Limit Reached":
		m.connLimits.Inc()
	case r.Status == http.StatusBadGateway:
		m.badGateways.Inc()
	case !failed && (r.Status == http.StatusBadRequest || r.Status == http.StatusNotFound):
		m.rejected.Inc()
	case failed && r.Status == http.StatusServiceUnavailable:
		m.invalidID.Inc()
	case failed && r.Status == 525:
		m.handshakes.Inc()
	case failed && r.Status == 526:
		m.invalidCert.Inc()
	}
}

func (m *Metrics) observeWebSocket(r *accesslog.Record) {
	if r.Request == nil || len(r.Request.Header["Upgrade"]) == 0 || !strings.EqualFold(r.Request.Header.Get("Upgrade"), "websocket") {
		return
	}
	if r.Upgraded {
		m.websocketUpgrades.Inc()
	} else {
		m.websocketFailures.Inc()
	}
}

// meters returns what a component's requests add to. The caller holds mu.
func (m *Metrics) meters(component string) *componentMeters {
	if meters := m.byComponent[component]; meters != nil {
		return meters
	}
	component = m.components.value(component)
	meters := m.byComponent[component]
	if meters == nil {
		meters = &componentMeters{requests: m.requests.with(component).(*counter)}
		if m.latency != nil {
			meters.latency = m.latency.with(component).(*histogram)
		}
		m.byComponent[component] = meters
	}
	return meters
}
