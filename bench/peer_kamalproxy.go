package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

var kamalProxy = peer{name: "kamal-proxy", configure: configureKamalProxy, announce: deploy, lacks: func(s scenario, v variant) string {
	if s.name == "log" && !v.accessLog {
		return "it always writes one"
	}
	return noBus(s, v)
}}

// configureKamalProxy tells it its ports. It has no file: routes are deployed to
// it while it runs. It logs every request, whatever is asked of it.
func configureKamalProxy(s *setup) ([]string, error) {
	return []string{"run", fmt.Sprintf("--http-port=%d", s.http), fmt.Sprintf("--https-port=%d", s.tls)}, nil
}

// deploy makes all routes those of one service, once the proxy takes commands.
// Only a service's own certificate gives it TLS, without asking an authority.
func deploy(ctx context.Context, s *setup) error {
	args := []string{"deploy", "bench", "--target=" + s.backend, "--health-check-path=" + small, "--target-timeout=900s",
		"--tls", "--tls-redirect=false", "--tls-certificate-path=" + s.cert, "--tls-private-key-path=" + s.key}
	for n := range s.routes {
		args = append(args, "--host="+host(n))
	}
	for {
		cmd := exec.CommandContext(ctx, s.path, args...)
		cmd.Env = s.environment()
		said, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		select { // its socket is not there yet
		case <-ctx.Done():
			return fmt.Errorf("deploy: %w: %s", err, said)
		case <-time.After(time.Millisecond):
		}
	}
}
