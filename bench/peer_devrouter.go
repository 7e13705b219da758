package main

import (
	"fmt"
	"strings"
)

var devrouter = peer{name: "devrouter", configure: configureDevrouter}

func configureDevrouter(s *setup) ([]string, error) {
	var routes strings.Builder
	routes.WriteString("apps:\n  bench:\n    instances: [\"" + s.backend + "\"]\n    routes:\n")
	for n := range s.routes {
		fmt.Fprintf(&routes, "      - %s\n", host(n))
	}
	if _, err := s.write("routes.yaml", routes.String()); err != nil {
		return nil, err
	}
	log := ""
	if s.accessLog {
		log = s.dir + "/access.log"
	}
	cert, err := indented(s.cert)
	if err != nil {
		return nil, err
	}
	key, err := indented(s.key)
	if err != nil {
		return nil, err
	}
	path, err := s.write("devrouter.yml", fmt.Sprintf(`
port: %d
ssl_port: %d
enable_ssl: true
client_cert_validation: none
tls_pem:
  - cert_chain: |
      %s
    private_key: |
      %s
status: {port: %d}
nats: {embedded: {port: %d}}
routes_file: %s/routes.yaml
access_log: {file: %q}
`, s.http, s.tls, cert, key, s.spare[0], s.bus, s.dir, log))
	return []string{"-c", path, "--log-level", "error"}, err
}
