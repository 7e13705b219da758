package main

import (
	"fmt"
	"os"
	"strings"
)

var nginx = peer{name: "nginx", configure: configureNginx, lacks: noBus}

// configureNginx has it keep connections to the backend, for more than the 1,000
// requests after which it closes them by default, and stream uploads as the
// others do.
func configureNginx(s *setup) ([]string, error) {
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
