package config

import "time"

// Default returns the configuration of an empty file. The values are gorouter's
// own but where its operators, or a laptop, want otherwise.
func Default() Config {
	return Config{
		ListenAddress: "127.0.0.1",
		RoutesFile:    "routes.yaml",
		Port:          8081,
		SSLPort:       8443,
		EnableHTTP2:   true,

		Status: Status{
			Port:                     8082,
			EnableNonTLSHealthChecks: true,
			TLS:                      StatusTLS{Port: 8443},
		},
		NATS:                   NATS{Embedded: EmbeddedNATS{Host: "127.0.0.1", Port: 4222}},
		NATSClientPingInterval: 20 * time.Second,
		Logging: Logging{
			Level:             "info",
			Format:            LogFormat{Timestamp: "unix-epoch"},
			SyslogAddr:        "127.0.0.1:514",
			SyslogNetwork:     "udp",
			MetronAddress:     "localhost:3457",
			RedactQueryParams: "none",
		},
		RequestLog: RequestLog{Entries: 500, MaxBytes: 8 << 20, BodyBytes: 64 << 10},
		GoMaxProcs: -1,

		PublishStartMessageInterval:      30 * time.Second,
		PruneStaleDropletsInterval:       30 * time.Second,
		DropletStaleThreshold:            120 * time.Second,
		SuspendPruningIfNatsUnavailable:  true,
		RoutingTableShardingMode:         "all",
		RouteLatencyMetricMuzzleDuration: 20 * time.Second,

		BalancingAlgorithm:             "round-robin",
		BalancingAlgorithmAZPreference: "none",
		Backends:                       Backends{MaxAttempts: 3},
		EndpointTimeout:                900 * time.Second,
		EndpointDialTimeout:            5 * time.Second,
		TLSHandshakeTimeout:            10 * time.Second,
		EndpointKeepAliveProbeInterval: time.Second,
		EndpointHealthCheckInterval:    10 * time.Second,
		MaxIdleConns:                   100,
		MaxIdleConnsPerHost:            100,

		FrontendIdleTimeout: 900 * time.Second,
		ClientStallTimeout:  900 * time.Second,
		ReadHeaderTimeout:   10 * time.Second,
		HopByHopHeadersToFilter: []string{
			"X-Forwarded-For", "X-Forwarded-Proto", "B3", "X-B3", "X-B3-SpanID", "X-B3-TraceID",
			"X-Request-Start", "X-Forwarded-Client-Cert",
		},
		StickySessionCookieNames: []string{"JSESSIONID"},
		PinInstances:             true,

		HealthcheckUserAgent:    "HTTP-Monitor/1.1",
		HealthcheckPollInterval: 10 * time.Second,
		HealthcheckTimeout:      5 * time.Second,
		DrainTimeout:            5 * time.Second,

		MinTLSVersion:       "TLSv1.2",
		MaxTLSVersion:       "TLSv1.3",
		ForwardedClientCert: "always_forward",

		RouteServices:                    RouteServices{EnableWebsockets: true},
		RouteServicesTimeout:             60 * time.Second,
		RouteServicesInternalServerPort:  7070,
		TokenFetcherMaxRetries:           3,
		TokenFetcherRetryInterval:        5 * time.Second,
		TokenFetcherExpirationBufferTime: 30,

		PerRequestMetricsReporting:   true,
		EnableEnvelopeV1Metrics:      true,
		SendHTTPStartStopServerEvent: true,
		SendHTTPStartStopClientEvent: true,
	}
}
