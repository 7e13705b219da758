package appliance

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"slices"

	"devrouter/config"
	"devrouter/router"
	"devrouter/router/admin"
	"devrouter/web"
)

// adminPorts are the admin port, with the page and its API and gorouter's
// endpoints, and those that have a part of it. The zero value has none.
type adminPorts struct {
	main   *port
	routes *port // status.routes.port, for /routes alone; nil when it is no other
	health *port // status.tls.port, for health checks alone; nil when there is none
}

func bindAdmin(c *config.Config, log *slog.Logger) (p adminPorts, err error) {
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	host := cmp.Or(c.Status.Host, c.ListenAddress)
	listeners, err := listen(host, c.Status.Port, statusPortSetting)
	if err != nil {
		return p, err
	}
	p.main = &port{listeners: listeners, log: log}
	warnIfOpen(log, "the page", listeners[0].Addr())
	if c.Status.User != "" && c.Status.Pass == "" {
		log.Warn("status.pass is empty: whoever knows status.user reads /routes, /varz and /config")
	}
	if p.health, err = bindHealth(c, host, log); err != nil {
		return p, err
	}
	if n := c.Status.Routes.Port; n != 0 && n != c.Status.Port {
		if listeners, err = listen("127.0.0.1", n, "status.routes.port in devrouter.yml"); err != nil {
			return p, err
		}
		p.routes = &port{listeners: listeners, log: log}
	}
	return p, nil
}

func (p *adminPorts) handle(r *router.Router, page *web.Server, t turns, c *config.Config) {
	endpoints := r.Admin(p.routerAdmin(c))
	mux := http.NewServeMux()
	mux.Handle("/", page)
	for _, path := range admin.Paths {
		if isHealthPath(path) && !c.Status.EnableNonTLSHealthChecks {
			mux.Handle(path, http.NotFoundHandler())
		} else {
			mux.Handle(path, endpoints)
		}
	}
	p.main.handle(c, t.handler(mux))
	p.routes.handle(c, t.handler(onlyAt(endpoints, "/routes")))
	p.health.handle(c, onlyAt(endpoints, healthPaths...))
}

func (p *adminPorts) addrs() []net.Addr {
	return slices.Concat(p.main.addrs(), p.routes.addrs(), p.health.addrs())
}

func (p *adminPorts) close() {
	p.main.close()
	p.routes.close()
	p.health.close()
}

func isHealthPath(path string) bool {
	return path == "/healthz" || slices.Contains(healthPaths, path)
}
