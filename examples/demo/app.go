package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// drainTime is how long requests in flight may take to finish.
const drainTime = time.Second

// app is one HTTP server on its own port.
type app struct {
	name     string
	listener net.Listener
	server   *http.Server
}

func newApp(name string, l net.Listener, handler http.Handler, log *slog.Logger) *app {
	return &app{name: name, listener: l, server: &http.Server{
		Handler:           withHeaders(handler),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute, // longer than routers keep connections to reuse them
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// withHeaders lets pages load nothing from elsewhere, and run no code but the
// files of this package.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; connect-src 'self' ws: wss:")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (a *app) addr() string { return a.listener.Addr().String() }

// run serves until ctx ends, which also ends WebSockets: Shutdown leaves them
// open, but their handlers watch the context of their request.
func (a *app) run(ctx context.Context) error {
	a.server.BaseContext = func(net.Listener) context.Context { return ctx }
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(a.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("demo app %s: %w", a.name, err)
	case <-ctx.Done():
	}
	a.stop()
	<-served
	return nil
}

func (a *app) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if a.server.Shutdown(ctx) != nil {
		a.server.Close() // somebody does not read, or opened a connection in advance
	}
}
