// Package embeddednats is a NATS server inside this process: the bus on which
// routes are announced, without anything to install or to start.
//
// Programs of any language connect over TCP, with any credentials or none; the
// parts of this process connect in memory, with Connect. It carries messages
// and nothing else: no JetStream, no monitor port, no WebSocket, MQTT, cluster
// or leaf node listener. It installs no signal handler and never exits the
// process. It may join an existing cluster as a leaf node.
package embeddednats

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	defaultHost = "127.0.0.1"

	// maxPayload is what NATS servers accept by default, and so what clients expect.
	maxPayload = 1 << 20

	// maxConns is far more than the programs of one machine, and bounds what a
	// program that leaks connections costs.
	maxConns = 4096

	// closedClients is how many closed connections the server remembers. Only
	// its monitor port would show them, and there is none.
	closedClients = 16

	// writeDeadline is how long a client may read nothing of what waits for it
	// before it is disconnected. It also bounds how long such a client, stopped
	// in a debugger perhaps, holds up Close; the server's own default is 10 s.
	writeDeadline = 2 * time.Second

	// leafErrorEvery is how often a lost cluster is reported as an error, in
	// attempts. There is about one attempt a second and a half.
	leafErrorEvery = 60
)

// Options are the settings of a Server. The zero value listens on a free port
// of the loopback interface.
type Options struct {
	// Host is the address or name to listen on. Empty means 127.0.0.1.
	Host string
	// Port is the port to listen on. Zero means any free one; Addr tells which.
	Port int
	// LeafNodes are the URLs, nats://[user:password@]host:port or tls://…, of
	// one cluster to join as a leaf node: each URL is another way into it. A
	// missing port is 7422. A cluster that cannot be reached is no error: it is
	// tried again, with a second or two between attempts.
	LeafNodes []string
	// LeafTLS is how the cluster is spoken to when a URL asks for it with tls://.
	// Nil trusts the system's authorities and shows no certificate.
	LeafTLS *tls.Config
	// Log gets what the server has to say: its errors and warnings as such, all
	// else at debug. Its handler must not call the Server. Nil means discard.
	Log *slog.Logger
}

// Server is a running NATS server. New makes one; either Run or Close ends it.
type Server struct {
	nats *server.Server
	addr *net.TCPAddr
}

// New starts a server, which accepts clients when New returns. A port that is
// taken is an error that wraps the *net.OpError of the system. New itself
// connects to nothing: joining a cluster happens behind it.
func New(o Options) (*Server, error) {
	o = withDefaults(o)
	if o.Port < 0 || o.Port > 65535 {
		return nil, fmt.Errorf("embedded NATS: port %d is not between 0 and 65535", o.Port)
	}
	remotes, err := leafRemotes(o.LeafNodes, o.LeafTLS)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	// The server binds by itself and late, so a taken port is found out first.
	if err := probe(o.Host, o.Port); err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	s, err := start(serverOptions(o, remotes), o.Log)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	return s, nil
}

func withDefaults(o Options) Options {
	o.Host = cmp.Or(o.Host, defaultHost)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// probe reports why host and port cannot be listened on, or nil.
func probe(host string, port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

func serverOptions(o Options, remotes []*server.RemoteLeafOpts) *server.Options {
	port := o.Port
	if port == 0 {
		port = server.RANDOM_PORT // to the server, 0 is the default port
	}
	return &server.Options{
		Host:             o.Host,
		Port:             port,
		MaxConn:          maxConns,
		MaxPayload:       maxPayload,
		MaxClosedClients: closedClients,
		WriteDeadline:    writeDeadline,
		NoSigs:           true,
		// Without a system account nobody can ask the server about its clients,
		// and a leaf node does not turn JetStream's API on.
		NoSystemAccount: true,
		LeafNode: server.LeafNodeOpts{
			Remotes: remotes,
		},
		ReconnectErrorReports: leafErrorEvery,
	}
}

// start runs a server until it listens. Somebody may take the port after the
// probe, so the server's own fatal error counts as well.
func start(o *server.Options, log *slog.Logger) (*Server, error) {
	ns, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	l := &logger{log: log}
	ns.SetLoggerV2(l, log.Enabled(context.Background(), slog.LevelDebug), false, false)
	ns.Start() // returns once the port is open, or after a fatal error
	s := &Server{nats: ns}
	if fatal := l.fatal.Load(); fatal != nil {
		s.Close()
		return nil, fatal
	}
	addr, ok := ns.Addr().(*net.TCPAddr)
	if !ok {
		s.Close()
		return nil, errors.New("the server started without listening")
	}
	s.addr = addr
	return s, nil
}

// Addr returns the address that clients connect to. It stays the same after
// the server has ended.
func (s *Server) Addr() *net.TCPAddr { return s.addr }

// Connect returns a connection that does not leave this process. The caller
// closes it, before the server ends: afterwards it would try to reconnect.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	opts = append(slices.Clone(opts), nats.InProcessServer(s.nats))
	return nats.Connect(s.nats.ClientURL(), opts...)
}

// Clients returns how many connections are open, those of this process included,
// and how many were closed for reading too slowly.
func (s *Server) Clients() (open int, slow int64) {
	return s.nats.NumClients(), s.nats.NumSlowConsumers()
}

// Run blocks until ctx ends, and then ends the server as Close does. It
// returns nil.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.Close()
	return nil
}

// Close disconnects all clients and returns when the server has ended: at once,
// but for a client that reads nothing (two seconds) and for an attempt to reach
// a cluster that is under way (a second, once its name is resolved). Close may
// be called at any time, also again.
func (s *Server) Close() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown() // for a second caller, whom Shutdown does not wait for
}
