package config

// KeyPair is a certificate and its key, both as PEM text.
type KeyPair struct {
	// CertChain is a certificate, followed by those that lead to its authority, as PEM text.
	CertChain string `yaml:"cert_chain"`
	// PrivateKey is the certificate's private key, as PEM text.
	PrivateKey string `yaml:"private_key"`
}

// Status is the admin port.
type Status struct {
	// Host is the address that the admin port listens on. Empty is listen_address.
	Host string `yaml:"host"`
	// Port is the admin port: the page and its API, /routes, /varz, /config, /metrics, /healthz and /health. Port 0 is any free one.
	// Default: 8082.
	Port uint16 `yaml:"port"`
	// User is the user of the basic authentication that guards /routes, /varz and /config.
	User string `yaml:"user"`
	// Pass is the password of status.user.
	Pass string `yaml:"pass"`
	// EnableNonTLSHealthChecks answers /health without TLS.
	// Default: true.
	EnableNonTLSHealthChecks bool `yaml:"enable_nontls_health_checks"`
	// EnableDeprecatedVarzHealthzEndpoints announces the router on vcap.component.announce. gorouter serves /varz and /healthz only with it; here they are served either way.
	EnableDeprecatedVarzHealthzEndpoints bool `yaml:"enable_deprecated_varz_healthz_endpoints"`
	// TLS is a port for health checks over TLS.
	TLS StatusTLS `yaml:"tls"`
	// Routes is a port for /routes alone.
	Routes StatusRoutes `yaml:"routes"`
}

// StatusTLS is the port for health checks over TLS. Giving one of its keys demands all.
type StatusTLS struct {
	// Port is the port for health checks over TLS.
	// Default: 8443.
	Port uint16 `yaml:"port"`
	// Certificate is the certificate of the port for health checks over TLS, as PEM text.
	Certificate string `yaml:"certificate"`
	// Key is the private key of status.tls.certificate, as PEM text.
	Key string `yaml:"key"`
}

// StatusRoutes is the port on which gorouter serves /routes.
type StatusRoutes struct {
	// Port is a loopback port on which /routes answers too. At 0 it answers on status.port alone.
	Port uint16 `yaml:"port"`
}

// RequestLog is the log of the latest requests, in memory.
type RequestLog struct {
	// Entries is how many requests are kept. At 0 there is no request log.
	// Default: 500.
	Entries int `yaml:"entries" max:"100000"`
	// MaxBytes bounds what the heads and bodies of all of them take up, in bytes. They are kept of requests that come while somebody watches, and until five minutes later. At 0 none are.
	// Default: 8388608.
	MaxBytes int `yaml:"max_bytes"`
	// BodyBytes is how much is kept of one body, in bytes. At 0 only heads are.
	// Default: 65536.
	BodyBytes int `yaml:"body_bytes" max:"16777216"`
}

// NATS is the message bus.
type NATS struct {
	// Embedded is the server inside this process, used whenever nats.hosts is empty.
	Embedded EmbeddedNATS `yaml:"embedded"`
	// Hosts are the servers of a bus to use instead of the embedded one.
	Hosts []NATSHost `yaml:"hosts"`
	// User is the user name on the bus.
	User string `yaml:"user"`
	// Pass is the password on the bus.
	Pass string `yaml:"pass"`
	// TLSEnabled speaks TLS with the servers of nats.hosts.
	TLSEnabled bool `yaml:"tls_enabled"`
	// CACerts are the authorities of the certificates of nats.hosts and of tls:// leaf nodes, as PEM text.
	CACerts string `yaml:"ca_certs"`
	// KeyPair is the client certificate shown to nats.hosts.
	KeyPair `yaml:",inline"`
}

// EmbeddedNATS is the NATS server inside this process.
type EmbeddedNATS struct {
	// Host is the address that the embedded server listens on.
	// Default: 127.0.0.1.
	Host string `yaml:"host"`
	// Port is the port of the embedded server. Port 0 is any free one.
	// Default: 4222.
	Port uint16 `yaml:"port"`
	// Leafnodes are the URLs (nats://host:port) of a cluster that the embedded server joins as a leaf node.
	Leafnodes []string `yaml:"leafnodes"`
}

// NATSHost is one server of a bus.
type NATSHost struct {
	// Hostname is the name or address of a NATS server.
	Hostname string `yaml:"hostname"`
	// Port is the port of that NATS server.
	Port uint16 `yaml:"port"`
}

// Logging is the component log, and what the access log shows.
type Logging struct {
	// Level is the least severe level that is logged.
	// Default: info.
	Level string `yaml:"level" oneof:"debug info warn error"`
	// Format is how the component log is written.
	Format LogFormat `yaml:"format"`
	// Syslog is the name that the sources of the component log begin with, and the app name of streamed access log lines. Empty is gorouter.stdout, and none.
	Syslog string `yaml:"syslog"`
	// SyslogAddr is the host:port that access log lines are streamed to.
	// Default: 127.0.0.1:514.
	SyslogAddr string `yaml:"syslog_addr"`
	// SyslogNetwork is how access log lines are streamed.
	// Default: udp.
	SyslogNetwork string `yaml:"syslog_network" oneof:"udp tcp"`
	// SyslogTruncate is how long a streamed line may be, in bytes. At 0 there is no bound.
	SyslogTruncate int `yaml:"syslog_truncate"`
	// LoggregatorEnabled sends access log lines to the metron agent.
	LoggregatorEnabled bool `yaml:"loggregator_enabled"`
	// MetronAddress is the host:port of the metron agent.
	// Default: localhost:3457.
	MetronAddress string `yaml:"metron_address"`
	// DisableLogForwardedFor leaves x_forwarded_for out of the access log.
	DisableLogForwardedFor bool `yaml:"disable_log_forwarded_for"`
	// DisableLogSourceIP leaves the client's address out of the access log.
	DisableLogSourceIP bool `yaml:"disable_log_source_ip"`
	// RedactQueryParams says what becomes of query strings in the access log: kept (none), removed (all), or hashed (hash).
	// Default: none.
	RedactQueryParams string `yaml:"redact_query_params" oneof:"none all hash"`
	// ExtraAccessLogFields are fields appended to each line of the access log.
	ExtraAccessLogFields []string `yaml:"extra_access_log_fields" oneof:"backend_time dial_time dns_time failed_attempts failed_attempts_time local_address tls_time"`
}

// LogFormat is how the component log is written.
type LogFormat struct {
	// Timestamp is how times are written.
	// Default: unix-epoch.
	Timestamp string `yaml:"timestamp" oneof:"unix-epoch rfc3339"`
}

// AccessLog is where the line of each request goes.
type AccessLog struct {
	// File is the path of the access log, which is appended to. Empty writes none.
	File string `yaml:"file"`
	// EnableStreaming sends the lines to logging.syslog_addr as well.
	EnableStreaming bool `yaml:"enable_streaming"`
}

// Tracing adds trace headers to requests.
type Tracing struct {
	// EnableZipkin adds the B3 headers.
	EnableZipkin bool `yaml:"enable_zipkin"`
	// EnableW3C adds traceparent and tracestate.
	EnableW3C bool `yaml:"enable_w3c"`
	// W3CTenantID is the tenant in the router's entry of tracestate.
	W3CTenantID string `yaml:"w3c_tenant_id"`
}

// Prometheus is gorouter's own metrics port.
type Prometheus struct {
	// Enabled opens gorouter's own metrics port. Metrics are on status.port either way.
	Enabled bool `yaml:"enabled"`
	// Port is gorouter's own metrics port, on loopback. Port 0 is any free one.
	Port uint16 `yaml:"port"`
	// CertPath is the path of the metrics port's certificate.
	CertPath string `yaml:"cert_path"`
	// KeyPath is the path of the metrics port's private key.
	KeyPath string `yaml:"key_path"`
	// CAPath is the path of the authority of the certificates of the metrics port's clients.
	CAPath string `yaml:"ca_path"`
	// Meters are the buckets of its histograms.
	Meters Meters `yaml:"meters"`
}

// Meters are the bucket bounds of gorouter's histograms. Empty is gorouter's choice.
type Meters struct {
	// RouteLookupTimeHistogramBuckets are the bucket bounds of route_lookup_time, in nanoseconds.
	RouteLookupTimeHistogramBuckets []float64 `yaml:"route_lookup_time_histogram_buckets"`
	// GorouterTimeHistogramBuckets are the bucket bounds of gorouter_time, in seconds.
	GorouterTimeHistogramBuckets []float64 `yaml:"gorouter_time_histogram_buckets"`
	// RouteRegistrationLatencyHistogramBuckets are the bucket bounds of route_registration_latency, in milliseconds.
	RouteRegistrationLatencyHistogramBuckets []float64 `yaml:"route_registration_latency_histogram_buckets"`
	// RoutingResponseLatencyHistogramBuckets are the bucket bounds of latency, in milliseconds.
	RoutingResponseLatencyHistogramBuckets []float64 `yaml:"routing_response_latency_histogram_buckets"`
	// HTTPLatencyHistogramBuckets are the bucket bounds of http_latency_seconds, in seconds.
	HTTPLatencyHistogramBuckets []float64 `yaml:"http_latency_histogram_buckets"`
}

// Backends is how endpoints are connected to.
type Backends struct {
	// MaxAttempts is how many endpoints are tried for one request. 0 counts as 1.
	// Default: 3.
	MaxAttempts int `yaml:"max_attempts"`
	// MaxConns is how many requests one endpoint may have in flight. At 0 there is no bound.
	MaxConns int64 `yaml:"max_conns"`
	// KeyPair is the client certificate shown to endpoints that speak TLS.
	KeyPair `yaml:",inline"`
}

// RouteServices is how route services are connected to.
type RouteServices struct {
	// MaxAttempts is how often a route service is tried for one request. 0 counts as 1.
	MaxAttempts int `yaml:"max_attempts"`
	// StrictSignatureValidation refuses a bad signature on routes without a route service too.
	StrictSignatureValidation bool `yaml:"strict_signature_validation"`
	// EnableWebsockets allows WebSockets on routes with a route service.
	// Default: true.
	EnableWebsockets bool `yaml:"enable_websockets"`
	// KeyPair is the client certificate shown to route services.
	KeyPair `yaml:",inline"`
}

// RoutingAPI is Cloud Foundry's routing API, a second source of routes.
type RoutingAPI struct {
	// URI is the address of the routing API, which is used where its port is given too.
	URI string `yaml:"uri"`
	// Port is the port of the routing API.
	Port uint16 `yaml:"port"`
	// AuthDisabled asks the routing API without a token.
	AuthDisabled bool `yaml:"auth_disabled"`
	// CACerts are the authorities of the routing API's certificate, as PEM text.
	CACerts string `yaml:"ca_certs"`
	// KeyPair is the client certificate shown to the routing API.
	KeyPair `yaml:",inline"`
}

// OAuth is where the routing API's token comes from.
type OAuth struct {
	// TokenEndpoint is the host that issues tokens.
	TokenEndpoint string `yaml:"token_endpoint"`
	// Port is the port of oauth.token_endpoint.
	Port uint16 `yaml:"port"`
	// SkipSSLValidation accepts any certificate of oauth.token_endpoint.
	SkipSSLValidation bool `yaml:"skip_ssl_validation"`
	// ClientName is the client that asks for tokens.
	ClientName string `yaml:"client_name"`
	// ClientSecret is the secret of oauth.client_name.
	ClientSecret string `yaml:"client_secret"`
	// CACerts is the path of a file with the authorities of the certificate of oauth.token_endpoint.
	CACerts string `yaml:"ca_certs"`
}

// HTTPRewrite changes the headers of messages.
type HTTPRewrite struct {
	// Responses changes the headers of replies, those of the router's own errors included.
	Responses HTTPRewriteResponses `yaml:"responses"`
}

// HTTPRewriteResponses changes the headers of replies: first it removes, then it adds.
type HTTPRewriteResponses struct {
	// AddHeadersIfNotPresent are headers added where the reply has none of that name.
	AddHeadersIfNotPresent []Header `yaml:"add_headers_if_not_present"`
	// RemoveHeaders are headers taken away. Values are not looked at.
	RemoveHeaders []Header `yaml:"remove_headers"`
}

// Header is one header of a message.
type Header struct {
	// Name is the header's name.
	Name string `yaml:"name"`
	// Value is the header's value.
	Value string `yaml:"value"`
}

// CertificateRule says which client certificates one authority may vouch for.
type CertificateRule struct {
	// IssuerInChain is the subject of an authority of client_ca_certs.
	IssuerInChain CertSubject `yaml:"issuer_in_chain"`
	// ValidCertSubjects are the subjects that certificates from it may have.
	ValidCertSubjects []CertSubject `yaml:"valid_cert_subjects"`
}

// CertSubject is the distinguished name of a certificate's subject.
type CertSubject struct {
	// Country is the C of the subject.
	Country []string `yaml:"country"`
	// Organization is the O of the subject.
	Organization []string `yaml:"organization"`
	// OrganizationalUnit is the OU of the subject.
	OrganizationalUnit []string `yaml:"organizational_unit"`
	// CommonName is the CN of the subject.
	CommonName string `yaml:"common_name"`
	// SerialNumber is the serial number of the subject.
	SerialNumber string `yaml:"serial_number"`
	// Locality is the L of the subject.
	Locality []string `yaml:"locality"`
	// Province is the ST of the subject.
	Province []string `yaml:"province"`
	// StreetAddress is the street of the subject.
	StreetAddress []string `yaml:"street_address"`
	// PostalCode is the postal code of the subject.
	PostalCode []string `yaml:"postal_code"`
}
