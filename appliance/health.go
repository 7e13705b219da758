package appliance

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"

	"devrouter/config"
)

// healthPaths are what load balancers ask (reference 8.1).
var healthPaths = []string{"/health", "/is-process-alive-do-not-use-for-loadbalancing"}

// healthTLS is the port for health checks over TLS, status.tls.
type healthTLS struct {
	listeners []net.Listener
	tls       *tls.Config
	server    *http.Server
}

// bindHealthTLS opens the port when it is configured, and returns nil when not.
func bindHealthTLS(c *config.Config, host string) (*healthTLS, error) {
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
	h := &healthTLS{tls: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}}
	if c.EnableHTTP2 {
		h.tls.NextProtos = []string{"h2", "http/1.1"}
	}
	h.listeners, err = listen(host, s.Port, "status.tls.port in devrouter.yml")
	return h, err
}

// handle makes the port answer the paths of health checks, and no others.
func (h *healthTLS) handle(endpoints http.Handler) {
	mux := http.NewServeMux()
	for _, path := range healthPaths {
		mux.Handle(path, endpoints)
	}
	h.server = newAdminServer(mux)
}

// wrapped are the listeners with TLS.
func (h *healthTLS) wrapped() (listeners []net.Listener) {
	for _, l := range h.listeners {
		listeners = append(listeners, tls.NewListener(l, h.tls))
	}
	return listeners
}
