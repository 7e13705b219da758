package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// setup is what a router is to serve.
type setup struct {
	dir       string // for its files
	backend   string // host:port
	http, tls int    // ports; the second need serve the first route only
	spare     [2]int // ports, for routers that insist on more
	routes    int
	accessLog bool
	cert, key string // files
}

// host is the name of a route.
func host(n int) string { return fmt.Sprintf("r%d.bench.test", n) }

// write writes a file of the router's and returns its path.
func (s *setup) write(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// peer is one router.
type peer struct {
	name string
	// configure writes its configuration and returns its arguments.
	configure func(*setup) ([]string, error)
}

var peers = []peer{{"devrouter", devrouter}, {"nginx", nginx}, {"haproxy", haproxy}, {"caddy", caddy}}

// installed returns the peers of a list of names, and where their binaries are;
// without names those that are in PATH.
func installed(names, devrouter string) (found []peer, paths []string, err error) {
	for _, p := range peers {
		path := devrouter
		if p.name != "devrouter" {
			path, err = exec.LookPath(p.name)
			path = cmp.Or(path, lookSystem(p.name))
		}
		asked := names == "" || strings.Contains(","+names+",", ","+p.name+",")
		switch {
		case !asked:
		case path != "":
			found, paths = append(found, p), append(paths, path)
		case names != "":
			return nil, nil, fmt.Errorf("%s is not in PATH: %w", p.name, err)
		}
	}
	return found, paths, nil
}

// lookSystem looks where root's PATH leads and others' may not.
func lookSystem(name string) string {
	path := "/usr/sbin/" + name
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// nginx keeps connections to the backend, for more than the 1,000 requests after
// which it closes them by default, and streams uploads as the others do.
func nginx(s *setup) ([]string, error) {
	var names strings.Builder
	for n := range s.routes {
		fmt.Fprintf(&names, "%s app;\n", host(n))
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	log := "off"
	if s.accessLog {
		log = s.dir + "/access.log"
	}
	path, err := s.write("nginx.conf", fmt.Sprintf(`
%s
worker_processes 2;
worker_rlimit_nofile 16384;
daemon off;
pid %[2]s/nginx.pid;
error_log %[2]s/error.log crit;
events { worker_connections 8192; }
http {
  access_log %[3]s;
  client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  map_hash_max_size 262144; map_hash_bucket_size 128;
  ssl_certificate %[4]s; ssl_certificate_key %[5]s;
  proxy_http_version 1.1;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  proxy_read_timeout 900s;
  map $http_upgrade $connection_header { default upgrade; "" ""; }
  proxy_set_header Host $host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_header;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Request-Start $msec;
  proxy_set_header X-Vcap-Request-Id $request_id;
  upstream app { server %[6]s; keepalive 256; keepalive_requests 1000000000; }
  map $host $route { %[9]s }
  server {
    listen 127.0.0.1:%[7]d; listen 127.0.0.1:%[8]d ssl;
    if ($route = "") { return 404; }
    location / { proxy_pass http://$route; }
  }
}
`, user, s.dir, log, s.cert, s.key, s.backend, s.http, s.tls, names.String()))
	return []string{"-p", s.dir, "-e", s.dir + "/error.log", "-c", path}, err
}

func haproxy(s *setup) ([]string, error) {
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

func caddy(s *setup) ([]string, error) {
	log := ""
	if s.accessLog {
		log = "log {\n    output file " + s.dir + "/access.log\n  }"
	}
	var names []string
	for n := range s.routes {
		names = append(names, fmt.Sprintf("http://%s:%d", host(n), s.http))
	}
	path, err := s.write("Caddyfile", fmt.Sprintf(`{
  auto_https off
  admin off
  log {
    level ERROR
  }
}
(app) {
  bind 127.0.0.1
  %s
  reverse_proxy %s {
    header_up X-Request-Start {time.now.unix_ms}
    header_up X-Vcap-Request-Id {http.request.uuid}
  }
}
%s {
  import app
}
https://%s:%d {
  tls %s %s
  import app
}
`, log, s.backend, strings.Join(names, ", "), host(0), s.tls, s.cert, s.key))
	return []string{"run", "--adapter", "caddyfile", "--config", path}, err
}

func devrouter(s *setup) ([]string, error) {
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
	indented := func(path string) (string, error) {
		pem, err := os.ReadFile(path)
		return strings.ReplaceAll(strings.TrimSpace(string(pem)), "\n", "\n      "), err
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
`, s.http, s.tls, cert, key, s.spare[0], s.spare[1], s.dir, log))
	return []string{"-c", path, "--log-level", "error"}, err
}
