package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"devrouter/config"
	"devrouter/embeddednats"
)

// TestMain lets the test's binary stand for a router that takes commands.
func TestMain(m *testing.M) {
	if os.Getenv("BENCH_TEST_DEPLOY") == "" {
		os.Exit(m.Run())
	}
	path := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "deployed")
	before, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(before, strings.Join(os.Args[1:], " ")+"\n"...), 0o600)
	}
	if err != nil || strings.Count(string(before), "\n") < 2 {
		os.Exit(1) // no socket yet
	}
}

func testSetup(t *testing.T) *setup {
	t.Helper()
	s := &setup{
		path: "router", dir: t.TempDir(), backend: "127.0.0.1:29301", http: 29302, tls: 29303, bus: 29304,
		spare: [3]int{29305, 29306, 29307}, routes: 3,
	}
	var err error
	if s.cert, s.key, err = certificate(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryPeerIsToldAllThatItServes(t *testing.T) {
	for _, p := range peers {
		for _, log := range []bool{false, true} {
			s := testSetup(t)
			s.accessLog = log
			args, err := p.configure(s)
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			told := strings.Join(args, " ")
			files, err := os.ReadDir(s.dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				text, err := os.ReadFile(filepath.Join(s.dir, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				told += "\n" + string(text)
			}
			want := []string{"29302", "29303"}
			if p.announce == nil { // else they are told when it runs
				want = append(want, s.backend, host(0), host(2))
			}
			for _, w := range want {
				if !strings.Contains(told, w) {
					t.Errorf("%s is not told of %s:\n%s", p.name, w, told)
				}
			}
			if strings.Contains(told, "%!") {
				t.Errorf("%s: a value does not fit its verb:\n%s", p.name, told)
			}
		}
	}
}

// Devrouter reads gorouter's files, and refuses values that gorouter would not take.
func TestGoroutersFileIsOneThatDevrouterTakes(t *testing.T) {
	s := testSetup(t)
	args, err := configureGorouter(s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(args[1])
	if err != nil {
		t.Fatal(err)
	}
	if int(c.Port) != s.http || int(c.SSLPort) != s.tls || len(c.NATS.Hosts) != 1 || int(c.NATS.Hosts[0].Port) != s.bus || len(c.TLSPEM) != 1 {
		t.Errorf("got ports %d and %d, NATS %v and %d certificates, want those of %+v", c.Port, c.SSLPort, c.NATS.Hosts, len(c.TLSPEM), s)
	}
}

func TestRoutesAreRegisteredAtOnceAndWhenARouterStarts(t *testing.T) {
	bus, err := embeddednats.New(embeddednats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	conn, err := bus.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := make(chan *nats.Msg, 16)
	if _, err := conn.ChanSubscribe("router.register", heard); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	s := testSetup(t)
	s.bus = bus.Addr().Port
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- register(ctx, s) }()
	for round := range 2 {
		for n := range s.routes {
			msg := <-heard
			if !strings.Contains(string(msg.Data), fmt.Sprintf(`"port":29301,"uris":[%q]`, host(n))) {
				t.Errorf("round %d: got %s, want route %d", round, msg.Data, n)
			}
		}
		if err := conn.Publish("router.start", []byte(`{"id":"0"}`)); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want nothing once it is told to end", err)
	}
}

func TestDeployIsTriedUntilItIsTaken(t *testing.T) {
	s := testSetup(t)
	var err error
	if s.path, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write("deployed", ""); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BENCH_TEST_DEPLOY", "1")
	if err := deploy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(s.dir + "/deployed")
	if err != nil {
		t.Fatal(err)
	}
	tries := strings.Split(strings.TrimSpace(string(said)), "\n")
	if len(tries) != 3 || !strings.Contains(tries[2], "deploy bench --target=127.0.0.1:29301 ") || !strings.HasSuffix(tries[2], "--host="+host(2)) {
		t.Errorf("got %q, want the same three times, with the backend and all hosts", tries)
	}
}

func TestDeployEndsWithItsContext(t *testing.T) {
	s := testSetup(t) // whose path leads nowhere
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := deploy(ctx, s); err == nil {
		t.Error("got no error, want to hear that nothing was deployed")
	}
}

func TestInstalledRefusesNamesOfNobody(t *testing.T) {
	if _, _, err := installed("devrouter,engine-x", "devrouter"); err == nil || !strings.Contains(err.Error(), `"engine-x"; there are devrouter, nginx`) {
		t.Errorf("got %v, want what is wrong and what there is", err)
	}
	found, _, err := installed("devrouter", "here")
	if err != nil || len(found) != 1 || found[0].name != "devrouter" {
		t.Errorf("got %v, %v, want the one that was asked for", found, err)
	}
}

func TestWhoFailsOrLacksSomethingIsLeftOut(t *testing.T) {
	broken := peer{name: "broken", configure: func(*setup) ([]string, error) { return nil, errors.New("no port\nat all") }}
	lacking := peer{name: "lacking", lacks: noBus}
	l := &lab{options: options{rounds: 3}, dir: t.TempDir(), peers: []peer{broken, lacking}, paths: []string{"", ""}}
	out, err := l.measure(t.Context(), scenario{title: "a title", kind: registering, measures: []measure{cpu, rate}})
	if err == nil || strings.Count(err.Error(), "no port") != 1 {
		t.Errorf("got %v, want the failure, once", err)
	}
	var table strings.Builder
	printTable(&table, out, "nginx")
	want := `
**a title**

| | CPU µs | per second |
|---|--:|--:|
| broken | – | – |
| lacking | – | – |

- broken: no port.
- lacking: it takes no registrations over NATS.
`
	if table.String() != want {
		t.Errorf("got %s\nwant %s", table.String(), want)
	}
}

func TestRatiosAreOfTheBasesSameVariant(t *testing.T) {
	out := outcome{measures: []measure{cpu}, Rows: []row{
		{Router: "devrouter, log", Figures: sample{"cpu": 30}},
		{Router: "nginx, log", Figures: sample{"cpu": 20}},
		{Router: "nginx, no log", Figures: sample{"cpu": 10}},
	}}
	if got := out.cell(out.Rows[0], cpu, "nginx"); got != "30.0 (1.50×)" {
		t.Errorf("got %s, want 1.50 times the base's", got)
	}
}
