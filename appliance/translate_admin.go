package appliance

import (
	"fmt"
	"os"

	"gopkg.in/yaml.v3"

	"devrouter/config"
	"devrouter/router"
	"devrouter/router/admin"
	"devrouter/router/proxy"
)

// adminOptions translates what the router tells of itself, and how it words its
// errors.
func (a *Appliance) adminOptions(o *router.Options, c *config.Config) (err error) {
	if o.Metrics, err = metricsOptions(c); err != nil {
		return err
	}
	if o.Proxy.Errors, err = errorPages(c); err != nil {
		return err
	}
	o.ActiveAppsInterval = c.PublishActiveAppsInterval
	if c.Status.EnableDeprecatedVarzHealthzEndpoints {
		component := a.admin.routerAdmin(c)
		o.Component = &component
	}
	return nil
}

// routerAdmin says how the router's own endpoints are served on the admin port.
func (p *adminPorts) routerAdmin(c *config.Config) router.AdminOptions {
	return router.AdminOptions{
		User: c.Status.User, Pass: c.Status.Pass, Addr: p.main.listeners[0].Addr().String(),
		Config: func() ([]byte, error) { return yaml.Marshal(c.Masked()) },
	}
}

func metricsOptions(c *config.Config) (admin.MetricsOptions, error) {
	m := &c.Prometheus.Meters
	for key, bounds := range map[string][]float64{
		"route_lookup_time_histogram_buckets":          m.RouteLookupTimeHistogramBuckets,
		"gorouter_time_histogram_buckets":              m.GorouterTimeHistogramBuckets,
		"route_registration_latency_histogram_buckets": m.RouteRegistrationLatencyHistogramBuckets,
		"routing_response_latency_histogram_buckets":   m.RoutingResponseLatencyHistogramBuckets,
		"http_latency_histogram_buckets":               m.HTTPLatencyHistogramBuckets,
	} {
		for i := 1; i < len(bounds); i++ {
			if !(bounds[i-1] < bounds[i]) { // not >=: NaN is neither
				return admin.MetricsOptions{}, fmt.Errorf("prometheus.meters.%s: %v does not come before %v; each bound must be larger than the one before it",
					key, bounds[i-1], bounds[i])
			}
		}
	}
	return admin.MetricsOptions{
		Buckets: admin.Buckets{
			LookupTime:          m.RouteLookupTimeHistogramBuckets,
			GorouterTime:        m.GorouterTimeHistogramBuckets,
			RegistrationLatency: m.RouteRegistrationLatencyHistogramBuckets,
			Latency:             m.RoutingResponseLatencyHistogramBuckets,
			HTTPLatency:         m.HTTPLatencyHistogramBuckets,
		},
		NoPerRequest: !c.PerRequestMetricsReporting,
		PerApp:       c.PerAppPrometheusHTTPMetricsReporting,
		Muzzle:       c.RouteLatencyMetricMuzzleDuration,
	}, nil
}

// errorPages reads html_error_template_file. The words of its errors are
// gorouter's (reference 2.5).
func errorPages(c *config.Config) (proxy.Errors, error) {
	e := proxy.Errors{All: c.HTMLErrorTemplateAll, RetryAfter: c.ErrorRetryAfter}
	if c.HTMLErrorTemplateFile == "" {
		return e, nil
	}
	text, err := os.ReadFile(c.HTMLErrorTemplateFile)
	if err != nil {
		return e, fmt.Errorf("Could not read HTML error template file: %w", err) //nolint:staticcheck // gorouter's words
	}
	if e.Page, err = proxy.ParsePage(string(text)); err != nil {
		return e, fmt.Errorf("Could not parse HTML error template file: %w", err) //nolint:staticcheck // as above
	}
	return e, nil
}
