package appliance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"devrouter/config"
	"devrouter/web"
)

// sideServer is one of gorouter's ports beside the admin port: for metrics
// alone, or for profiles. Nil is a port that nobody asked for.
type sideServer struct {
	listeners []net.Listener
	scheme    string
	server    *http.Server
	log       *slog.Logger
}

// bindMetrics opens prometheus.port, on loopback as in gorouter, when
// prometheus.enabled says so. With a certificate it asks for one, too.
func bindMetrics(c *config.Config, log *slog.Logger) (*sideServer, error) {
	p := &c.Prometheus
	if !p.Enabled {
		return nil, nil
	}
	mutual, err := metricsTLS(p)
	if err != nil {
		return nil, err
	}
	s := &sideServer{scheme: "http", log: log}
	if s.listeners, err = listen("127.0.0.1", p.Port, "prometheus.port in devrouter.yml"); err != nil {
		return nil, err
	}
	if mutual == nil {
		return s, nil
	}
	s.scheme = "https"
	for i, l := range s.listeners {
		s.listeners[i] = tls.NewListener(l, mutual)
	}
	return s, nil
}

// metricsTLS returns nil when no certificate is named.
func metricsTLS(p *config.Prometheus) (*tls.Config, error) {
	if p.CertPath == "" && p.KeyPath == "" && p.CAPath == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(p.CertPath, p.KeyPath)
	if err != nil {
		return nil, fmt.Errorf("prometheus.cert_path and prometheus.key_path: %w", err)
	}
	pem, err := os.ReadFile(p.CAPath)
	if err != nil {
		return nil, fmt.Errorf("prometheus.ca_path: %w", err)
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("prometheus.ca_path: %s holds no certificate in PEM form", p.CAPath)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}, nil
}

// bindDebug opens debug_addr, exactly as it is written, and says so when others
// than this machine can reach it: it asks for no password.
func bindDebug(c *config.Config, log *slog.Logger) (*sideServer, error) {
	if c.DebugAddr == "" {
		return nil, nil
	}
	const setting = "debug_addr in devrouter.yml"
	host, portName, err := net.SplitHostPort(c.DebugAddr)
	if err != nil {
		return nil, fmt.Errorf("debug_addr: %w; write it as 127.0.0.1:17002", err)
	}
	port, err := strconv.ParseUint(portName, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("debug_addr: %q is no port; write it as 127.0.0.1:17002", portName)
	}
	l, err := net.Listen("tcp", address(host, uint16(port)))
	if err != nil {
		return nil, portError(err, host, uint16(port), setting)
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		log.Warn("debug_addr is open to the network and asks for no password", "address", l.Addr().String())
	}
	return &sideServer{listeners: []net.Listener{l}, scheme: "http", log: log}, nil
}

func (s *sideServer) handle(c *config.Config, h http.Handler) {
	if s == nil {
		return
	}
	if s.scheme == "http" {
		h = web.CheckHost(pageHosts(c), h)
	} // else the certificate says who is there, whatever name they call us by
	s.server = newAdminServer(h)
	s.server.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
}

// onlyAt answers 404 for every other path.
func onlyAt(path string, h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(path, h)
	return mux
}

// run serves until ctx ends.
func (s *sideServer) run(ctx context.Context) error {
	if s == nil {
		<-ctx.Done()
		return nil
	}
	failed := make(chan error, len(s.listeners))
	var wg sync.WaitGroup
	for _, l := range s.listeners {
		s.log.Info("tcp-listener-started", "address", l.Addr().String())
		wg.Go(func() {
			if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	shutdown(s.server)
	wg.Wait()
	return err
}

func (s *sideServer) addrs() (addrs []net.Addr) {
	if s == nil {
		return nil
	}
	for _, l := range s.listeners {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// url is where a program on this machine reaches the port.
func (s *sideServer) url() string {
	if s == nil {
		return ""
	}
	addr := s.listeners[0].Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("%s://localhost:%d", s.scheme, addr.Port)
	}
	return s.scheme + "://" + addr.String()
}

func (s *sideServer) close() {
	if s == nil {
		return
	}
	for _, l := range s.listeners {
		l.Close()
	}
}
