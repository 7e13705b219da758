package main

import (
	"context"
	"fmt"
)

// gorouter learns its routes over NATS, so a NATS server runs beside it and
// counts as a part of it.
var gorouter = peer{name: "gorouter", configure: configureGorouter, beside: startBus, announce: register}

// configureGorouter has it keep connections to the backend, and send no metrics
// to an agent that is not there. Its routes live as long as it does: nobody
// registers them a second time, so that this is not measured.
func configureGorouter(s *setup) ([]string, error) {
	cert, err := indented(s.cert)
	if err != nil {
		return nil, err
	}
	key, err := indented(s.key)
	if err != nil {
		return nil, err
	}
	log := ""
	if s.accessLog {
		log = s.dir + "/access.log"
	}
	path, err := s.write("gorouter.yml", fmt.Sprintf(`
port: %d
ssl_port: %d
enable_ssl: true
client_cert_validation: none
cipher_suites: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
max_tls_version: TLSv1.3
tls_pem:
  - cert_chain: |
      %s
    private_key: |
      %s
status: {port: %d, routes: {port: %d}}
route_services_internal_server_port: %d
nats: {hosts: [{hostname: 127.0.0.1, port: %d}]}
logging: {level: error}
access_log: {file: %q}
disable_keep_alives: false
max_idle_conns: 256
max_idle_conns_per_host: 256
start_response_delay_interval: 0s
droplet_stale_threshold: 24h
per_request_metrics_reporting: false
enable_envelope_v1_metrics: false
send_http_start_stop_server_event: false
send_http_start_stop_client_event: false
`, s.http, s.tls, cert, key, s.spare[0], s.spare[1], s.spare[2], s.bus, log))
	return []string{"-c", path}, err
}

// startBus starts a NATS server.
func startBus(ctx context.Context, s *setup) (*child, error) {
	bus, err := spawnSelf(ctx, "child-nats", fmt.Sprint(s.bus))
	if err != nil {
		return nil, err
	}
	if _, err := bus.line(); err != nil {
		bus.end()
		return nil, fmt.Errorf("the NATS server beside it: %w", err)
	}
	return bus, nil
}
