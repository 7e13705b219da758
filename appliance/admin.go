package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"devrouter/config"
	"devrouter/router"
	routeradmin "devrouter/router/admin"
	"devrouter/web"
)

// adminServer is the admin port: the page and its API, and gorouter's endpoints.
// Where status.routes.port names another port, /routes is there as well.
type adminServer struct {
	main, routes []net.Listener
	server       *http.Server
	routesServer *http.Server // nil when there is no second port
	healthTLS    *healthTLS   // nil when there is no such port
}

func bindAdmin(c *config.Config) (*adminServer, error) {
	host := cmp.Or(c.Status.Host, c.ListenAddress)
	a := new(adminServer)
	var err error
	if a.main, err = listen(host, c.Status.Port, "--status-port (DEVROUTER_STATUS_PORT, or status.port in devrouter.yml)"); err != nil {
		return nil, err
	}
	if a.healthTLS, err = bindHealthTLS(c, host); err != nil {
		a.close()
		return nil, err
	}
	if p := c.Status.Routes.Port; p != 0 && p != c.Status.Port {
		if a.routes, err = listen("127.0.0.1", p, "status.routes.port in devrouter.yml"); err != nil {
			a.close()
			return nil, err
		}
	}
	return a, nil
}

func (a *adminServer) handle(r *router.Router, page *web.Server, c *config.Config) {
	endpoints := r.Admin(a.routerAdmin(c))
	mux := http.NewServeMux()
	mux.Handle("/", page)
	for _, path := range routeradmin.Paths {
		if isHealthPath(path) && !c.Status.EnableNonTLSHealthChecks {
			mux.Handle(path, http.NotFoundHandler())
		} else {
			mux.Handle(path, endpoints)
		}
	}
	a.server = newAdminServer(web.CheckHost(pageHosts(c), mux))
	if a.routes != nil {
		mux := http.NewServeMux()
		mux.Handle("/routes", endpoints)
		a.routesServer = newAdminServer(web.CheckHost(pageHosts(c), mux))
	}
	if a.healthTLS != nil {
		a.healthTLS.handle(endpoints)
	}
}

func newAdminServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
}

// run serves until ctx ends. Streams of the page end when the page does, before.
func (a *adminServer) run(ctx context.Context) error {
	servers := map[*http.Server][]net.Listener{a.server: a.main}
	if a.routesServer != nil {
		servers[a.routesServer] = a.routes
	}
	if a.healthTLS != nil {
		servers[a.healthTLS.server] = a.healthTLS.wrapped()
	}
	failed := make(chan error, 8)
	var wg sync.WaitGroup
	for server, listeners := range servers {
		for _, l := range listeners {
			wg.Go(func() {
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
				}
			})
		}
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	for server := range servers {
		shutdown(server)
	}
	wg.Wait()
	return err
}

// shutdown lets the requests in flight finish for a moment; none should need it.
func shutdown(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		s.Close() //nolint:errcheck // the listeners are closed either way
	}
}

func (a *adminServer) addrs() (addrs []net.Addr) {
	for _, l := range a.listeners() {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

func (a *adminServer) listeners() []net.Listener {
	listeners := append(a.main[:len(a.main):len(a.main)], a.routes...)
	if a.healthTLS != nil {
		listeners = append(listeners, a.healthTLS.listeners...)
	}
	return listeners
}

// url is where a browser on this machine reaches the port.
func (a *adminServer) url() string {
	addr := a.main[0].Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", addr.Port)
	}
	return "http://" + addr.String()
}

func (a *adminServer) close() {
	for _, l := range a.listeners() {
		l.Close()
	}
}

func isHealthPath(path string) bool {
	return path == "/healthz" || slices.Contains(healthPaths, path)
}
