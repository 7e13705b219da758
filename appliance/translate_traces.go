package appliance

import (
	"fmt"
	"regexp"
	"slices"

	"devrouter/config"
	"devrouter/router/accesslog"
	"devrouter/router/proxy"
)

// The headers of a trace that end each line of the access log (reference 10.1).
var (
	zipkinHeaders = []string{"X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "B3"}
	w3cHeaders    = []string{"Traceparent", "Tracestate"}
)

// tenantID is what may stand before the @ of a tracestate key.
var tenantID = regexp.MustCompile(`^[a-z0-9][-a-z0-9_*/]{0,240}$`)

// tracing translates the keys below tracing.
func tracing(c *config.Config) (proxy.Tracing, error) {
	t := proxy.Tracing{Zipkin: c.Tracing.EnableZipkin, W3C: c.Tracing.EnableW3C, W3CTenantID: c.Tracing.W3CTenantID}
	if t.W3C && t.W3CTenantID != "" && !tenantID.MatchString(t.W3CTenantID) {
		return t, fmt.Errorf("tracing.w3c_tenant_id %q cannot be part of a tracestate header: it is lower-case letters, digits, _, -, * and /", t.W3CTenantID)
	}
	return t, nil
}

// extraHeaders are the headers that end each line of the access log.
func extraHeaders(c *config.Config) []string {
	headers := slices.Clone(c.ExtraHeadersToLog)
	if c.Tracing.EnableZipkin {
		headers = append(headers, zipkinHeaders...)
	}
	if c.Tracing.EnableW3C {
		headers = append(headers, w3cHeaders...)
	}
	return headers
}

// syslog is where the lines of the access log are streamed to.
func syslog(c *config.Config) accesslog.Syslog {
	if !c.AccessLog.EnableStreaming {
		return accesslog.Syslog{}
	}
	l := &c.Logging
	return accesslog.Syslog{Network: l.SyslogNetwork, Addr: l.SyslogAddr, App: l.Syslog, Truncate: l.SyslogTruncate}
}
