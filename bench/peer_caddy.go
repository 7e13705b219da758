package main

import (
	"fmt"
	"strings"
)

var caddy = peer{name: "caddy", configure: configureCaddy, lacks: noBus}

func configureCaddy(s *setup) ([]string, error) {
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
