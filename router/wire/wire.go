// Package wire is the JSON of the router.* subjects, spelled once: what route
// clients publish, and what a router answers.
//
// It holds no behaviour beyond reading and writing messages. The router, the
// client for routes.yaml and the tests all use these types, so a field name of
// the protocol stands nowhere else.
package wire

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
)

// The NATS subjects of the protocol.
const (
	SubjectRegister   = "router.register"   // clients publish Registration
	SubjectUnregister = "router.unregister" // clients publish Registration
	SubjectAll        = "router.*"          // the one data subscription: it keeps register and unregister in order
	SubjectGreet      = "router.greet"      // clients request, the router replies with Start
	SubjectStart      = "router.start"      // the router publishes Start

	// SubjectActiveApps is where the router publishes which apps had requests: a
	// JSON array of their GUIDs, compressed by zlib.
	SubjectActiveApps = "router.active_apps"
	// SubjectComponentAnnounce is where a component publishes what it is, once at
	// its start, and SubjectComponentDiscover where it is asked for that. The
	// JSON is that of /varz (reference 8.3).
	SubjectComponentAnnounce = "vcap.component.announce"
	SubjectComponentDiscover = "vcap.component.discover"
)

// Registration is the message on router.register and router.unregister: one
// endpoint, and the URIs that it serves.
//
// JSON rules apply as Go's decoder has them: keys match without regard to case,
// unknown keys are ignored, null is the zero value, and a wrong type in any
// known field rejects the message whole.
type Registration struct {
	// Host is the IP address or DNS name of the endpoint.
	Host string `json:"host"`
	// Port is the plain HTTP port. Zero means none.
	Port uint16 `json:"port,omitempty"`
	// TLSPort, when not zero, is used instead of Port, and the endpoint speaks TLS.
	TLSPort uint16 `json:"tls_port,omitempty"`
	// URIs are the routes, each host[/path]; a host may begin with "*.".
	URIs []string `json:"uris"`
	// Protocol is "http1", "http2", which takes a TLSPort, or "h2c", an addition of
	// devrouter's: HTTP/2 in the clear, for which gorouters send HTTP/1. Empty means
	// http1.
	Protocol string `json:"protocol,omitempty"`
	// App is the application's GUID.
	App string `json:"app,omitempty"`
	// PrivateInstanceID becomes the value of the __VCAP_ID__ cookie. Without it
	// the endpoint takes part in no sticky session.
	PrivateInstanceID string `json:"private_instance_id,omitempty"`
	// PrivateInstanceIndex is a string on the wire: "0", "1", …
	PrivateInstanceIndex string `json:"private_instance_index,omitempty"`
	// ServerCertDomainSAN is the name that a TLS endpoint's certificate must carry.
	ServerCertDomainSAN string `json:"server_cert_domain_san,omitempty"`
	// RouteServiceURL must be empty or begin with https.
	RouteServiceURL string `json:"route_service_url,omitempty"`
	// Tags are free-form; "component" is a metric dimension. Null when there are none.
	Tags map[string]string `json:"tags"`
	// StaleThresholdInSeconds is the endpoint's own time to live. Zero, or more
	// than the router's threshold, means the router's.
	StaleThresholdInSeconds int `json:"stale_threshold_in_seconds,omitempty"`
	// IsolationSegment is the shard that the route belongs to.
	IsolationSegment string `json:"isolation_segment,omitempty"`
	// AvailabilityZone is the zone that the endpoint runs in.
	AvailabilityZone string `json:"availability_zone,omitempty"`
	// EndpointUpdatedAtNs is when the endpoint last changed, in Unix nanoseconds.
	EndpointUpdatedAtNs int64 `json:"endpoint_updated_at_ns,omitempty"`
	// HealthCheckPath is the path that tells whether the endpoint is well: the router
	// asks for it now and then. Empty has it look for a connection only. An addition
	// of devrouter's: gorouters look at no endpoint, and ignore it.
	HealthCheckPath string `json:"health_check_path,omitempty"`
	// Options are per-route settings. The zero value keeps what the route has.
	Options Options `json:"options,omitzero"`
}

// Options are the per-route settings that a registration may carry.
type Options struct {
	// LoadBalancing is "round-robin", "least-connection" or "hash". Empty keeps
	// the algorithm that the route already has, and what goes with it.
	LoadBalancing string `json:"loadbalancing,omitempty"`
	// HashHeader names the request header that "hash" goes by.
	HashHeader string `json:"hash_header,omitempty"`
	// HashBalance bounds what "hash" gives one endpoint: so many times the average
	// of requests in flight. Zero is no bound.
	HashBalance Factor `json:"hash_balance,omitempty"`
	// StickyCookieNames are the session cookies that make this route sticky. Empty
	// keeps the router's own (JSESSIONID). An addition of devrouter's: gorouters
	// ignore it.
	StickyCookieNames []string `json:"sticky_cookie_names,omitempty"`
}

// Factor is a number that some clients send as a text: per-route options are texts
// where they are made.
type Factor float64

// UnmarshalJSON reads 1.25, "1.25", "" and null.
func (f *Factor) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "" || text == "null" {
		*f = 0
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("hash_balance: %.40s is no number", data)
	}
	*f = Factor(v)
	return nil
}

// Address returns host:port as the router dials it, the TLS port first. An IPv6
// literal is put in brackets.
func (r *Registration) Address() string {
	port := r.Port
	if r.TLSPort != 0 {
		port = r.TLSPort
	}
	return net.JoinHostPort(r.Host, strconv.Itoa(int(port)))
}

// Start is the message on router.start and the reply to router.greet.
type Start struct {
	// ID is <index>-<uuid>, the same for the life of the process.
	ID string `json:"id"`
	// Hosts holds the router's address.
	Hosts []string `json:"hosts"`
	// MinimumRegisterIntervalInSeconds tells clients how often to register. It is
	// never below 1: route-emitter's ticker panics on 0.
	MinimumRegisterIntervalInSeconds int `json:"minimumRegisterIntervalInSeconds"`
	// PruneThresholdInSeconds is how long an endpoint lives without a heartbeat.
	PruneThresholdInSeconds int `json:"pruneThresholdInSeconds"`
}
