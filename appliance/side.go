package appliance

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"

	"devrouter/config"
)

// bindMetrics opens prometheus.port, on loopback as in gorouter, when
// prometheus.enabled says so. With a certificate it asks for one, too.
func bindMetrics(c *config.Config, log *slog.Logger) (*port, error) {
	p := &c.Prometheus
	if !p.Enabled {
		return nil, nil
	}
	mutual, err := metricsTLS(p)
	if err != nil {
		return nil, err
	}
	listeners, err := listen("127.0.0.1", p.Port, "prometheus.port in devrouter.yml")
	if err != nil {
		return nil, err
	}
	return &port{listeners: listeners, tls: mutual, log: log, announced: true}, nil
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
	if err := addAuthorities(clients, string(pem)); err != nil {
		return nil, fmt.Errorf("prometheus.ca_path: %s: %w", p.CAPath, err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}, nil
}

// bindDebug opens debug_addr, exactly as it is written, and says so when others
// than this machine can reach it: it asks for no password.
func bindDebug(c *config.Config, log *slog.Logger) (*port, error) {
	if c.DebugAddr == "" {
		return nil, nil
	}
	const setting = "debug_addr in devrouter.yml"
	host, number, err := net.SplitHostPort(c.DebugAddr)
	if err != nil {
		return nil, fmt.Errorf("debug_addr: %w; write it as 127.0.0.1:17002", err)
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("debug_addr: %q is no port; write it as 127.0.0.1:17002", number)
	}
	l, err := net.Listen("tcp", address(host, uint16(n)))
	if err != nil {
		return nil, portError(err, host, uint16(n), setting)
	}
	warnIfOpen(log, "debug_addr", l.Addr())
	return &port{listeners: []net.Listener{l}, log: log, announced: true}, nil
}

// warnIfOpen says that others than this machine reach a port, which asks for no
// password.
func warnIfOpen(log *slog.Logger, what string, addr net.Addr) {
	if !addr.(*net.TCPAddr).IP.IsLoopback() {
		log.Warn(what+" is open to the network and asks for no password", "address", addr.String())
	}
}
