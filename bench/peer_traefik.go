package main

import (
	"fmt"
	"strings"
)

var traefik = peer{name: "traefik", configure: configureTraefik, lacks: noBus}

// configureTraefik makes one of its routers for each route. It adds the
// X-Forwarded headers by itself; a request's id and start it cannot add.
func configureTraefik(s *setup) ([]string, error) {
	var routers strings.Builder
	for n := range s.routes {
		fmt.Fprintf(&routers, "    r%d: {rule: \"Host(`%s`)\", entryPoints: [clear], service: app}\n", n, host(n))
	}
	dynamic, err := s.write("routes.yml", fmt.Sprintf(`
http:
  routers:
    secure: {rule: "Host(%[1]s)", entryPoints: [secure], service: app, tls: {}}
%[2]s
  services:
    app: {loadBalancer: {servers: [{url: "http://%[3]s"}]}}
tls:
  certificates: [{certFile: %[4]s, keyFile: %[5]s}]
`, "`"+host(0)+"`", routers.String(), s.backend, s.cert, s.key))
	if err != nil {
		return nil, err
	}
	log := ""
	if s.accessLog {
		log = "accessLog: {filePath: " + s.dir + "/access.log}"
	}
	path, err := s.write("traefik.yml", fmt.Sprintf(`
entryPoints:
  clear: {address: "127.0.0.1:%d", transport: {respondingTimeouts: {readTimeout: 0}}}
  secure: {address: "127.0.0.1:%d", transport: {respondingTimeouts: {readTimeout: 0}}}
providers: {file: {filename: %s, watch: false}}
serversTransport: {maxIdleConnsPerHost: 256}
global: {checkNewVersion: false, sendAnonymousUsage: false}
log: {level: ERROR}
%s
`, s.http, s.tls, dynamic, log))
	return []string{"--configFile=" + path}, err
}
