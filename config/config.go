// Package config reads devrouter.yml: gorouter's own keys, so that a file
// written for gorouter is read as it is, and the few that this appliance adds.
//
// It finds, reads and checks the file and says what its values are; it starts
// nothing and applies nothing. Only the command line and the appliance import
// it, and translate a Config into the options of each part.
//
// The comments of the fields are the reference: docs/configuration.md is made
// from them, and a test compares every default that they state.
package config

import "time"

// Config is the whole configuration. Default returns it without a file; its
// zero value is not usable. A field whose comment names no default is off, zero
// or empty by default. Durations are written as Go writes them (30s, 5m, 1h30m);
// a bare whole number is seconds.
type Config struct {
	// ListenAddress is the address that the traffic ports listen on: an IP
	// address, or a host name. The default stands for ::1 as well; 0.0.0.0 is every
	// interface, as gorouter listens.
	// Default: 127.0.0.1.
	ListenAddress string `yaml:"listen_address"`
	// RoutesFile is the path of the watched file of routes. Empty turns it off.
	// Default: routes.yaml.
	RoutesFile string `yaml:"routes_file"`
	// Port is the port for HTTP. Port 0 is any free one.
	// Default: 8081.
	Port uint16 `yaml:"port"`
	// SSLPort is the port for HTTPS. Port 0 is any free one.
	// Default: 8443.
	SSLPort uint16 `yaml:"ssl_port"`
	// EnableSSL opens the HTTPS port with the certificates of tls_pem.
	EnableSSL bool `yaml:"enable_ssl"`
	// DisableHTTP keeps the HTTP port shut.
	DisableHTTP bool `yaml:"disable_http"`
	// EnablePROXY accepts the PROXY protocol, version 1 or 2, before a connection's first request. Anybody who can connect can then claim any address.
	EnablePROXY bool `yaml:"enable_proxy"`
	// EnableHTTP2 offers HTTP/2 on the HTTPS port and speaks it to endpoints that register as http2 or h2c; these get HTTP/1 otherwise.
	// Default: true.
	EnableHTTP2 bool `yaml:"enable_http2"`
	// UseNetHTTP has Go's net/http speak HTTP/1.1 with clients and endpoints, as it speaks HTTP/2, instead of the router's own server and transport. It costs several times the processor time; what it does otherwise is in README's table of differences.
	UseNetHTTP bool `yaml:"use_net_http"`
	// EnableHTTP1ConcurrentReadWrite lets a reply begin before its request has been read. Here it always may.
	EnableHTTP1ConcurrentReadWrite bool `yaml:"enable_http1_concurrent_read_write"`

	// Status is the admin port.
	Status Status `yaml:"status"`
	// NATS is the message bus that routes arrive on.
	NATS NATS `yaml:"nats"`
	// NATSClientPingInterval is the time between two pings of the bus.
	// Default: 20s.
	NATSClientPingInterval time.Duration `yaml:"nats_client_ping_interval"`

	// Logging is the component log, and what the access log shows.
	Logging Logging `yaml:"logging"`
	// AccessLog is where the line of each request goes. A path alone, as written in 2013, is its file.
	AccessLog AccessLog `yaml:"access_log" scalar:"file"`
	// ExtraHeadersToLog are request headers appended to each line of the access log.
	ExtraHeadersToLog []string `yaml:"extra_headers_to_log"`
	// RequestLog is the log of the latest requests that the page and devrouter requests show. It is kept in memory alone.
	RequestLog RequestLog `yaml:"request_log"`
	// Tracing adds trace headers to requests.
	Tracing Tracing `yaml:"tracing"`
	// TraceKey is the value of X-Vcap-Trace that makes a reply name the router and the endpoint. Empty never does.
	TraceKey string `yaml:"trace_key"`
	// Prometheus is gorouter's own metrics port.
	Prometheus Prometheus `yaml:"prometheus"`
	// DebugAddr is the host:port of a port for profiles and for the level of the log. It asks for no password. Empty opens none.
	DebugAddr string `yaml:"debug_addr"`

	// Index is the number of this router, the first part of its id.
	Index uint `yaml:"index"`
	// Zone is the availability zone that this router runs in.
	Zone string `yaml:"zone"`
	// GoMaxProcs is how many processors run Go code at once: -1 is all of them, 0 leaves it to Go.
	// Default: -1.
	GoMaxProcs int `yaml:"go_max_procs" min:"-1"`
	// PidFile is the path of a file that holds the process id while the router runs. Empty writes none.
	PidFile string `yaml:"pid_file"`

	// StartResponseDelayInterval is how long the traffic ports stay shut at the
	// start, and the register interval that clients are told. At 0 the ports open
	// at once and clients are told 20s.
	StartResponseDelayInterval time.Duration `yaml:"start_response_delay_interval"`
	// PublishStartMessageInterval is the time between two router.start messages.
	// Default: 30s.
	PublishStartMessageInterval time.Duration `yaml:"publish_start_message_interval"`
	// PruneStaleDropletsInterval is the time between two searches for endpoints without a heartbeat. At 0 none is pruned.
	// Default: 30s.
	PruneStaleDropletsInterval time.Duration `yaml:"prune_stale_droplets_interval"`
	// DropletStaleThreshold is how long an endpoint lives without a heartbeat. It
	// is raised to start_response_delay_interval where that is longer.
	// Default: 120s.
	DropletStaleThreshold time.Duration `yaml:"droplet_stale_threshold"`
	// ExpireTLSEndpoints prunes endpoints that speak TLS as well, if their registration has a stale_threshold_in_seconds.
	ExpireTLSEndpoints bool `yaml:"expire_tls_endpoints"`
	// SuspendPruningIfNatsUnavailable keeps every endpoint while the bus is away.
	// Default: true.
	SuspendPruningIfNatsUnavailable bool `yaml:"suspend_pruning_if_nats_unavailable"`
	// PublishActiveAppsInterval is the time between two router.active_apps messages. At 0 none is sent.
	PublishActiveAppsInterval time.Duration `yaml:"publish_active_apps_interval"`
	// IsolationSegments are the shards whose routes are accepted.
	IsolationSegments []string `yaml:"isolation_segments"`
	// RoutingTableShardingMode says which routes are accepted: all, those of
	// isolation_segments, or those and the ones without a segment.
	// Default: all.
	RoutingTableShardingMode string `yaml:"routing_table_sharding_mode" oneof:"all segments shared-and-segments"`
	// RouteLatencyMetricMuzzleDuration is how long after the start no registration latency is reported.
	// Default: 20s.
	RouteLatencyMetricMuzzleDuration time.Duration `yaml:"route_latency_metric_muzzle_duration"`

	// BalancingAlgorithm chooses among the endpoints of a route.
	// Default: round-robin.
	BalancingAlgorithm string `yaml:"balancing_algorithm" oneof:"round-robin least-connection"`
	// BalancingAlgorithmAZPreference prefers endpoints of the router's own zone.
	// Default: none.
	BalancingAlgorithmAZPreference string `yaml:"balancing_algorithm_az_preference" oneof:"none locally-optimistic"`
	// Backends is how endpoints are connected to.
	Backends Backends `yaml:"backends"`
	// EndpointTimeout bounds the wait for the head of an endpoint's reply. At 0 there is no bound.
	// Default: 900s.
	EndpointTimeout time.Duration `yaml:"endpoint_timeout"`
	// HTTP1EndpointTimeout bounds the wait for the head of an HTTP/1 endpoint's reply. At 0 it is endpoint_timeout.
	HTTP1EndpointTimeout time.Duration `yaml:"http_1_endpoint_timeout"`
	// HTTP2EndpointTimeout bounds the wait for the head of an HTTP/2 endpoint's reply. At 0 it is endpoint_timeout.
	HTTP2EndpointTimeout time.Duration `yaml:"http_2_endpoint_timeout"`
	// EndpointDialTimeout bounds a connection attempt to an endpoint.
	// Default: 5s.
	EndpointDialTimeout time.Duration `yaml:"endpoint_dial_timeout"`
	// WebsocketDialTimeout bounds a connection attempt for a WebSocket. At 0 it is endpoint_dial_timeout.
	WebsocketDialTimeout time.Duration `yaml:"websocket_dial_timeout"`
	// TLSHandshakeTimeout bounds the TLS handshake with an endpoint.
	// Default: 10s.
	TLSHandshakeTimeout time.Duration `yaml:"tls_handshake_timeout"`
	// EndpointKeepAliveProbeInterval is the time between two TCP keep-alive probes of an endpoint's connection.
	// Default: 1s.
	EndpointKeepAliveProbeInterval time.Duration `yaml:"endpoint_keep_alive_probe_interval"`
	// EndpointHealthCheckInterval is the time between two looks at whether an endpoint that is up still answers; one that is down is looked at each second, later every five. Only endpoints of routes_file and on loopback addresses are looked at. At 0 none is: only requests tell, as in gorouter.
	// Default: 10s.
	EndpointHealthCheckInterval time.Duration `yaml:"endpoint_health_check_interval"`
	// DisableKeepAlives closes the connection to an endpoint after each request.
	DisableKeepAlives bool `yaml:"disable_keep_alives"`
	// MaxIdleConns is how many idle connections are kept in all; those that were in use within the last seconds come on top. At 0 there is no bound.
	// Default: 100.
	MaxIdleConns int `yaml:"max_idle_conns"`
	// MaxIdleConnsPerHost is how many idle connections are kept to one endpoint, counted as max_idle_conns counts.
	// Default: 100.
	MaxIdleConnsPerHost int `yaml:"max_idle_conns_per_host"`
	// KeepAlive100ContinueRequests keeps the connection of a request with Expect: 100-continue.
	KeepAlive100ContinueRequests bool `yaml:"keep_alive_100_continue_requests"`
	// RawTCPUpgrade makes "Upgrade: tcp" a raw pipe of bytes, as in 2013.
	RawTCPUpgrade bool `yaml:"raw_tcp_upgrade"`

	// FrontendIdleTimeout is how long a client's connection may rest between two requests. At 0 there is no bound.
	// Default: 900s.
	FrontendIdleTimeout time.Duration `yaml:"frontend_idle_timeout"`
	// ReadHeaderTimeout bounds the time that a client takes to send a request's head. At 0 there is no bound.
	// Default: 10s.
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	// ClientStallTimeout is how long a client may send nothing of a body that has not been answered yet, or take
	// nothing of a reply. A reply that rests, such as a stream of events, is no stall. At 0 there is no bound.
	// Default: 900s.
	ClientStallTimeout time.Duration `yaml:"client_stall_timeout"`
	// MaxRequestHeaderBytes is how large a request's head may be, in bytes. 0 is 64 KiB; anything above 1 MiB is 1 MiB.
	MaxRequestHeaderBytes int `yaml:"max_request_header_bytes"`
	// MaxHeaderBytes is the name that max_request_header_bytes had before November 2024.
	MaxHeaderBytes int `yaml:"max_header_bytes"`
	// MaxResponseHeaderBytes is how large a reply's head may be, in bytes. 0 is 1 MiB.
	MaxResponseHeaderBytes int `yaml:"max_response_header_bytes"`
	// MaxRequestHeaders is how many header lines a request may have. At 0 there is no bound.
	MaxRequestHeaders int `yaml:"max_request_headers"`
	// MaxResponseHeaders is how many header lines a reply may have. At 0 there is no bound.
	MaxResponseHeaders int `yaml:"max_response_headers"`
	// ForceForwardedProtoHTTPS sends X-Forwarded-Proto: https, however a request came in.
	ForceForwardedProtoHTTPS bool `yaml:"force_forwarded_proto_https"`
	// SanitizeForwardedProto replaces the X-Forwarded-Proto of the client.
	SanitizeForwardedProto bool `yaml:"sanitize_forwarded_proto"`
	// HopByHopHeadersToFilter are headers that a client cannot have removed by naming them in Connection.
	// Default: [X-Forwarded-For, X-Forwarded-Proto, B3, X-B3, X-B3-SpanID, X-B3-TraceID, X-Request-Start, X-Forwarded-Client-Cert].
	HopByHopHeadersToFilter []string `yaml:"hop_by_hop_headers_to_filter"`
	// HTTPRewrite changes the headers of replies.
	HTTPRewrite HTTPRewrite `yaml:"http_rewrite"`
	// EmptyPoolResponseCode503 answers 503 instead of 404 for a route that has lost its last endpoint.
	EmptyPoolResponseCode503 bool `yaml:"empty_pool_response_code_503"`
	// EmptyPoolTimeout is how long such a route answers 503; at 0 it answers 404 at once.
	EmptyPoolTimeout time.Duration `yaml:"empty_pool_timeout"`
	// HTMLErrorTemplateFile is the path of a template (Go's html/template) for the router's own error pages. Empty sends them as text.
	HTMLErrorTemplateFile string `yaml:"html_error_template_file"`
	// HTMLErrorTemplateAll uses html_error_template_file for the failures of endpoints and for requests with too large a head too, which gorouter answers as text.
	HTMLErrorTemplateAll bool `yaml:"html_error_template_all"`
	// ErrorRetryAfter is what the router's own replies with 503 tell clients to wait, in whole seconds. At 0 they tell nothing.
	ErrorRetryAfter time.Duration `yaml:"error_retry_after"`

	// SecureCookies marks every sticky session cookie as Secure.
	SecureCookies bool `yaml:"secure_cookies"`
	// StickySessionCookieNames are the session cookies that make a client stick to one endpoint.
	// Default: [JSESSIONID].
	StickySessionCookieNames []string `yaml:"sticky_session_cookie_names"`
	// StickySessionsForAuthNegotiate makes a client stick that authenticates with Negotiate.
	StickySessionsForAuthNegotiate bool `yaml:"sticky_sessions_for_auth_negotiate"`

	// PinInstances lets a link pin a browser to one instance of a route, by a cookie X-CF-App-Instance that counts like the header: http://HOST/.well-known/devrouter/pin/INSTANCE, where INSTANCE is its host:port, its id or app:index. Without it these addresses are the app's.
	// Default: true.
	PinInstances bool `yaml:"pin_instances"`

	// HealthcheckUserAgent is the User-Agent whose requests the router answers itself.
	// Default: HTTP-Monitor/1.1.
	HealthcheckUserAgent string `yaml:"healthcheck_user_agent"`
	// HealthcheckPollInterval belongs to gorouter's separate health checker.
	// Default: 10s.
	HealthcheckPollInterval time.Duration `yaml:"healthcheck_poll_interval"`
	// HealthcheckTimeout belongs to gorouter's separate health checker.
	// Default: 5s.
	HealthcheckTimeout time.Duration `yaml:"healthcheck_timeout"`
	// LoadBalancerHealthyThreshold is how long a load balancer takes to see the router healthy; gorouter only checks it.
	LoadBalancerHealthyThreshold time.Duration `yaml:"load_balancer_healthy_threshold"`
	// DrainWait is how long requests are still accepted once SIGUSR1 has begun the drain.
	DrainWait time.Duration `yaml:"drain_wait"`
	// DrainTimeout bounds how long requests in flight may take to finish at the end.
	// Default: 5s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`

	// TLSPEM are the certificates of the HTTPS port; the first is used where the client names no host.
	TLSPEM []KeyPair `yaml:"tls_pem"`
	// CACerts are authorities, as PEM text, trusted beside the system's when endpoints speak TLS.
	CACerts []string `yaml:"ca_certs"`
	// ClientCACerts are the authorities, as PEM text, of client certificates.
	ClientCACerts string `yaml:"client_ca_certs"`
	// OnlyTrustClientCACerts leaves the system's authorities out for client certificates.
	OnlyTrustClientCACerts bool `yaml:"only_trust_client_ca_certs"`
	// ClientCertValidation says what is asked of clients' certificates: nothing
	// (none), to be valid if given (request), to be given and valid (require).
	// Must be set with enable_ssl.
	ClientCertValidation string `yaml:"client_cert_validation" oneof:"none request require"`
	// EnableVerifyClientCertificateMetadata applies verify_client_certificate_metadata.
	EnableVerifyClientCertificateMetadata bool `yaml:"enable_verify_client_certificate_metadata"`
	// VerifyClientCertificateMetadata are rules on the subjects of client certificates.
	VerifyClientCertificateMetadata []CertificateRule `yaml:"verify_client_certificate_metadata"`
	// CipherSuites are the TLS 1.2 cipher suites, separated by colons, by OpenSSL's or the RFC's names. Empty is those with ECDHE and AEAD for clients, and Go's choice for endpoints.
	CipherSuites string `yaml:"cipher_suites"`
	// MinTLSVersion is the oldest TLS version that the HTTPS port accepts.
	// Default: TLSv1.2.
	MinTLSVersion string `yaml:"min_tls_version" oneof:"TLSv1.0 TLSv1.1 TLSv1.2 TLSv1.3"`
	// MaxTLSVersion is the newest TLS version that the HTTPS port accepts.
	// Default: TLSv1.3.
	MaxTLSVersion string `yaml:"max_tls_version" oneof:"TLSv1.2 TLSv1.3"`
	// SkipSSLValidation accepts any certificate of a route service.
	SkipSSLValidation bool `yaml:"skip_ssl_validation"`
	// ForwardedClientCert says what becomes of X-Forwarded-Client-Cert.
	// Default: always_forward.
	ForwardedClientCert string `yaml:"forwarded_client_cert" oneof:"always_forward forward sanitize_set"`

	// RouteServices is how route services are connected to.
	RouteServices RouteServices `yaml:"route_services"`
	// RouteServicesSecret is the secret that signs requests to route services. Empty turns route services off.
	RouteServicesSecret string `yaml:"route_services_secret"`
	// RouteServicesSecretDecryptOnly is a former route_services_secret whose signatures are still accepted.
	RouteServicesSecretDecryptOnly string `yaml:"route_services_secret_decrypt_only"`
	// RouteServicesTimeout is how long the signature of a request to a route service is valid.
	// Default: 60s.
	RouteServicesTimeout time.Duration `yaml:"route_services_timeout"`
	// RouteServicesRecommendHTTPS makes route services call back with https.
	RouteServicesRecommendHTTPS bool `yaml:"route_services_recommend_https"`
	// RouteServicesHairpinning reaches route services that are routes of this router without leaving the process.
	RouteServicesHairpinning bool `yaml:"route_services_hairpinning"`
	// RouteServicesHairpinningAllowlist are the hosts of route services that may be reached so. Empty is all.
	RouteServicesHairpinningAllowlist []string `yaml:"route_services_hairpinning_allowlist"`
	// RouteServicesInternalServerPort is the loopback port that gorouter reaches such route services through.
	// Default: 7070.
	RouteServicesInternalServerPort uint16 `yaml:"route_services_internal_server_port"`

	// RoutingAPI is a second source of routes in Cloud Foundry.
	RoutingAPI RoutingAPI `yaml:"routing_api"`
	// OAuth is where the routing API's token comes from.
	OAuth OAuth `yaml:"oauth"`
	// TokenFetcherMaxRetries is how often a token for the routing API is asked for again.
	// Default: 3.
	TokenFetcherMaxRetries uint32 `yaml:"token_fetcher_max_retries"`
	// TokenFetcherRetryInterval is the time between two attempts to get a token.
	// Default: 5s.
	TokenFetcherRetryInterval time.Duration `yaml:"token_fetcher_retry_interval"`
	// TokenFetcherExpirationBufferTime is how long before its end a token is renewed, in seconds, written without a unit.
	// Default: 30.
	TokenFetcherExpirationBufferTime int64 `yaml:"token_fetcher_expiration_buffer_time"`

	// PerRequestMetricsReporting adds each request to the histograms latency, gorouter_time and route_lookup_time.
	// Default: true.
	PerRequestMetricsReporting bool `yaml:"per_request_metrics_reporting"`
	// EnableEnvelopeV1Metrics sends metrics to the metron agent.
	// Default: true.
	EnableEnvelopeV1Metrics bool `yaml:"enable_envelope_v1_metrics"`
	// SendHTTPStartStopServerEvent sends one event per request received to the metron agent.
	// Default: true.
	SendHTTPStartStopServerEvent bool `yaml:"send_http_start_stop_server_event"`
	// SendHTTPStartStopClientEvent sends one event per request forwarded to the metron agent.
	// Default: true.
	SendHTTPStartStopClientEvent bool `yaml:"send_http_start_stop_client_event"`
	// PerAppPrometheusHTTPMetricsReporting adds http_latency_seconds to the metrics, a histogram for each source_id.
	PerAppPrometheusHTTPMetricsReporting bool `yaml:"per_app_prometheus_http_metrics_reporting"`
}
