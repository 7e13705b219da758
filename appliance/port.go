package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"devrouter/config"
	"devrouter/web"
)

// port is one of the ports beside those for traffic, and the server of what comes
// in there. Nil is a port that nobody asked for.
type port struct {
	listeners []net.Listener
	tls       *tls.Config // nil for HTTP in the clear
	server    *http.Server
	log       *slog.Logger
	announced bool // in the log, as gorouter's listeners are; the admin port's has its line elsewhere
}

// handle sets who answers. It is called before run. What comes in the clear must
// name a host of ours; over TLS the certificate says who is there, whatever name
// they call us by.
func (p *port) handle(c *config.Config, h http.Handler) {
	if p == nil {
		return
	}
	if p.tls == nil {
		h = web.CheckHost(pageHosts(c), h)
	}
	p.server = &http.Server{
		Handler: notEmbedded(h), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
}

// notEmbedded keeps what a port answers out of other sites' pages: by an address that
// is this machine's, a browser would fetch it for them as an image or a script.
func notEmbedded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// run serves until ctx ends.
func (p *port) run(ctx context.Context) error {
	if p == nil {
		<-ctx.Done()
		return nil
	}
	failed := make(chan error, len(p.listeners))
	var wg sync.WaitGroup
	for _, l := range p.listeners {
		if p.announced {
			p.log.Info("tcp-listener-started", "address", l.Addr().String())
		}
		if p.tls != nil {
			l = tls.NewListener(l, p.tls)
		}
		wg.Go(func() {
			if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	p.shutdown()
	wg.Wait()
	return err
}

// shutdown lets the requests in flight finish for a moment; none should need it.
func (p *port) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		p.server.Close() //nolint:errcheck // the listeners are closed either way
	}
}

func (p *port) addrs() (addrs []net.Addr) {
	if p == nil {
		return nil
	}
	for _, l := range p.listeners {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// url is where a program on this machine reaches the port, or "".
func (p *port) url() string {
	if p == nil {
		return ""
	}
	scheme := "http"
	if p.tls != nil {
		scheme = "https"
	}
	return scheme + "://" + p.addr()
}

// addr is where a program on this machine connects to the port.
func (p *port) addr() string {
	addr := p.listeners[0].Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(addr.Port))
	}
	return addr.String()
}

func (p *port) close() {
	if p == nil {
		return
	}
	for _, l := range p.listeners {
		l.Close()
	}
}

// onlyAt answers 404 for all other paths.
func onlyAt(h http.Handler, paths ...string) http.Handler {
	mux := http.NewServeMux()
	for _, path := range paths {
		mux.Handle(path, h)
	}
	return mux
}
