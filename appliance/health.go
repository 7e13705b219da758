package appliance

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"devrouter/config"
)

// healthPaths are what load balancers ask (reference 8.1).
var healthPaths = []string{"/health", "/is-process-alive-do-not-use-for-loadbalancing"}

// bindHealth opens status.tls.port, for health checks over TLS, when it is
// configured, and returns nil when not.
func bindHealth(c *config.Config, host string, log *slog.Logger) (*port, error) {
	t, err := healthTLS(c)
	if t == nil || err != nil {
		return nil, err
	}
	p := &port{log: log, tls: t}
	if p.listeners, err = listen(host, c.Status.TLS.Port, "status.tls.port in devrouter.yml"); err != nil {
		return nil, err
	}
	return p, nil
}

// healthTLS returns how health checks over TLS are served, or nil when they are not.
func healthTLS(c *config.Config) (*tls.Config, error) {
	s := c.Status.TLS
	if s.Certificate == "" && s.Key == "" {
		if !c.Status.EnableNonTLSHealthChecks {
			return nil, errors.New("Neither TLS nor non-TLS health endpoints are enabled. Refusing to start gorouter.") //nolint:staticcheck // gorouter's words
		}
		return nil, nil
	}
	cert, err := tls.X509KeyPair([]byte(s.Certificate), []byte(s.Key))
	if err != nil {
		return nil, fmt.Errorf("status.tls: %w", err)
	}
	if c.EnableSSL && s.Port == c.SSLPort && s.Port != 0 {
		return nil, fmt.Errorf("ssl_port and status.tls.port are both %d: give one of them another port", s.Port)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	if c.EnableHTTP2 {
		t.NextProtos = []string{"h2", "http/1.1"}
	}
	return t, nil
}
