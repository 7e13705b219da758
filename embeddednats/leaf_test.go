package embeddednats

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"devrouter/router/testport"
)

func TestLeafNodesAndTheirHubShareMessages(t *testing.T) {
	hub := newHub(t, 0)
	url := leafURL(t, hub)
	first, second := newServer(t, Options{LeafNodes: []string{url}}), newServer(t, Options{LeafNodes: []string{url}})
	eventually(t, "both leaf nodes join", func() bool { return hub.NumLeafNodes() == 2 })

	conns := map[string]*nats.Conn{"hub": dialHub(t, hub), "first leaf": dial(t, first), "second leaf": dial(t, second)}
	for from := range conns {
		for to := range conns {
			if from != to {
				wantEcho(t, conns[from], conns[to], from+" to "+to)
			}
		}
	}
}

func TestHubThatIsAwayIsTriedAgain(t *testing.T) {
	port := testport.Free(t)
	var log recorder
	s := newServer(t, Options{LeafNodes: []string{fmt.Sprintf("nats://leaf:secret@127.0.0.1:%d", port)}, Log: slog.New(&log)})
	wantEcho(t, dial(t, s), dial(t, s), "while the hub is away")
	eventually(t, "the first attempt is reported", func() bool { return log.count(slog.LevelError) == 1 })

	hub := newHub(t, port)
	eventually(t, "the leaf node joins", func() bool { return hub.NumLeafNodes() == 1 })
	wantEcho(t, dialHub(t, hub), dial(t, s), "hub to leaf")
}

// Something that accepts and stays silent is the slowest that a hub can be.
func TestCloseDoesNotWaitForASilentHub(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := newServer(t, Options{LeafNodes: []string{"nats://" + silent.Addr().String()}})
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	ended := make(chan struct{})
	go func() { s.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatalf("Close did not return:\n%s", stacks())
	}
	waitForEnd(t, "Close", 0)
}

func TestLeafURLs(t *testing.T) {
	tests := []struct {
		url, host, wantErr string
	}{
		{"nats://hub:7422", "hub:7422", ""},
		{"nats://hub", "hub:7422", ""},
		{"nats://[::1]", "[::1]:7422", ""},
		{"nats://[::1]:4223/", "[::1]:4223", ""},
		{"nats://user:pass@10.0.0.1:1", "10.0.0.1:1", ""},
		{"nats-leaf://hub:7422", "hub:7422", ""},
		{"tls://hub:7422", "hub:7422", ""},

		{"", "", "scheme"},
		{"hub:7422", "", "scheme"},
		{"http://hub:7422", "", "scheme"},
		{"10.0.0.1:7422", "", "not a URL"},
		{"nats://", "", "no host"},
		{"nats:secret@hub", "", "no host"},
		{"nats://hub:0", "", "port"},
		{"nats://hub:65536", "", "port"},
		{"nats://hub:7422/account", "", "more than a host"},
		{"nats://hub:7422?x=secret", "", "more than a host"},
		{"nats://user:secret/1@hub:7422", "", "not a URL"},
		{"nats://user:1/secret@hub:7422", "", "more than a host"},
	}
	for _, tt := range tests {
		u, err := parseLeafURL(tt.url)
		switch {
		case tt.wantErr == "" && (err != nil || u.Host != tt.host):
			t.Errorf("%q: got %v, error %v, want host %s", tt.url, u, err, tt.host)
		case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
			t.Errorf("%q: got error %v, want one that contains %q", tt.url, err, tt.wantErr)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%q: the error tells the password: %v", tt.url, err)
		}
	}
}

func TestLeafURLsAreOneRemote(t *testing.T) {
	remotes, err := leafRemotes([]string{"nats://a:1", "tls://b:2"}, nil)
	if err != nil || len(remotes) != 1 || len(remotes[0].URLs) != 2 || !remotes[0].TLS {
		t.Errorf("got %+v, error %v, want one remote of two URLs under TLS", remotes, err)
	}
}

// newHub starts a NATS server that accepts leaf nodes which know its password.
// Port 0 means any.
func newHub(t *testing.T, leafPort int) *server.Server {
	t.Helper()
	if leafPort == 0 {
		leafPort = server.RANDOM_PORT
	}
	hub, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		LeafNode: server.LeafNodeOpts{Host: "127.0.0.1", Port: leafPort, Username: "leaf", Password: "secret"},
	})
	if err != nil {
		t.Fatalf("hub: %v", err)
	}
	t.Cleanup(func() { hub.Shutdown(); hub.WaitForShutdown() })
	hub.Start()
	if hub.Addr() == nil {
		t.Fatal("the hub does not listen")
	}
	return hub
}

func leafURL(t *testing.T, hub *server.Server) string {
	t.Helper()
	v, err := hub.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("nats://leaf:secret@127.0.0.1:%d", v.LeafNode.Port)
}

func dialHub(t *testing.T, hub *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(hub.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// wantEcho sends a request from one client to the other and back. Interest in a
// subject takes a moment to cross a leaf node, until when nobody responds.
func wantEcho(t *testing.T, from, to *nats.Conn, what string) {
	t.Helper()
	sub, err := to.Subscribe("echo", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	if err == nil {
		err = to.Flush()
	}
	if err != nil {
		t.Fatalf("%s: subscribe: %v", what, err)
	}
	defer sub.Unsubscribe()
	eventually(t, what, func() bool {
		m, err := from.Request("echo", []byte("hello"), time.Second)
		return err == nil && string(m.Data) == "hello"
	})
}
