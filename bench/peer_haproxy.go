package main

import (
	"fmt"
	"os"
	"strings"
)

var haproxy = peer{name: "haproxy", configure: configureHaproxy, lacks: noBus}

func configureHaproxy(s *setup) ([]string, error) {
	pem, err := os.ReadFile(s.cert)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(s.key)
	if err != nil {
		return nil, err
	}
	if _, err := s.write("both.pem", string(pem)+string(key)); err != nil {
		return nil, err
	}
	var names strings.Builder
	for n := range s.routes {
		fmt.Fprintf(&names, "%s app\n", host(n))
	}
	if _, err := s.write("hosts.map", names.String()); err != nil {
		return nil, err
	}
	log := ""
	if s.accessLog { // it writes no files itself; its standard output goes to one
		log = "log stdout format raw local0\n  option httplog"
	}
	path, err := s.write("haproxy.cfg", fmt.Sprintf(`
global
  nbthread 2
  maxconn 6000
defaults
  mode http
  %s
  timeout connect 5s
  timeout client 900s
  timeout server 900s
  timeout tunnel 900s
  option http-keep-alive
  option splice-auto
  http-reuse always
frontend in
  bind 127.0.0.1:%d
  bind 127.0.0.1:%d ssl crt %s/both.pem
  option forwardfor
  unique-id-format %%[uuid()]
  unique-id-header X-Vcap-Request-Id
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Request-Start %%[date(0,ms)]
  use_backend %%[req.hdr(host),field(1,:),lower,map(%[4]s/hosts.map)]
backend app
  server one %[5]s
`, log, s.http, s.tls, s.dir, s.backend))
	return []string{"-db", "-f", path}, err
}
