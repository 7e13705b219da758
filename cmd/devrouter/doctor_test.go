package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"devrouter/config"
	"devrouter/web"
)

// resolver answers from a map; a name that it lacks is unknown.
func resolver(names map[string]string) func(context.Context, string, string) ([]netip.Addr, error) {
	return func(_ context.Context, network, host string) ([]netip.Addr, error) {
		a, err := netip.ParseAddr(names[host])
		if err != nil || network == "ip4" && !a.Is4() || network == "ip6" && a.Is4() {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []netip.Addr{a}, nil
	}
}

// wantFinding checks that one of the findings has a level and says something, in
// its text or its fix.
func wantFinding(t *testing.T, got []finding, l level, text string) {
	t.Helper()
	for _, f := range got {
		if f.Level == l && strings.Contains(f.Text+"; "+f.Fix, text) {
			if l != levelOK && f.Fix == "" {
				t.Errorf("%q has no fix", f.Text)
			}
			return
		}
	}
	t.Errorf("no %s with %q in %+v", l, text, got)
}

func TestDoctorNames(t *testing.T) {
	for addr, want := range map[string]struct {
		level level
		text  string
	}{
		"127.0.0.1":    {levelOK, "*.localhost leads to 127.0.0.1"},
		"::1":          {levelOK, "*.localhost leads to ::1"},
		"":             {levelWarn, "does not know *.localhost"},
		"203.0.113.80": {levelFail, "leads to 203.0.113.80, which is not this machine"},
	} {
		d := &doctor{lookup: resolver(map[string]string{exampleHost: addr})}
		wantFinding(t, d.checkNames(t.Context()), want.level, want.text)
	}
	for _, system := range []string{"linux", "darwin", "windows", "plan9"} {
		if !strings.Contains(namesFix(system), "hosts") {
			t.Errorf("%s: %q", system, namesFix(system))
		}
	}
}

func TestDoctorHosts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.yaml")
	write(t, path, `apps: {web: 3000, shop.test: 3001, away.test: 3002, api.mine.dev: 3003, "*.all.test": 3004, "127.0.0.1": 3005}`)
	d := &doctor{config: config.Config{RoutesFile: path}, lookup: resolver(map[string]string{"shop.test": "127.0.0.1", "api.mine.dev": "::1", "away.test": "203.0.113.80"})}
	got := d.checkHosts(t.Context())
	wantFinding(t, got, levelWarn, "away.test: the name does not lead to this machine; add a line to the hosts file: 127.0.0.1 away.test")
	wantFinding(t, got, levelWarn, "browsers open api.mine.dev by https only")
	if len(got) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestDoctorProxies(t *testing.T) {
	for _, tt := range []struct {
		level level
		env   map[string]string
	}{
		{levelOK, nil},
		{levelWarn, map[string]string{"http_proxy": "http://proxy.test:3128"}},
		{levelWarn, map[string]string{"HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": "example.test"}},
		{levelWarn, map[string]string{"ALL_PROXY": "socks5://proxy.test"}},
		{levelOK, map[string]string{"HTTP_PROXY": "http://proxy.test:3128", "NO_PROXY": "localhost,127.0.0.1"}},
		{levelOK, map[string]string{"HTTP_PROXY": "http://proxy.test:3128", "no_proxy": ".localhost"}},
		{levelOK, map[string]string{"HTTP_PROXY": "http://proxy.test:3128", "no_proxy": "*"}},
	} {
		d := &doctor{getenv: func(name string) string { return tt.env[name] }}
		wantFinding(t, d.checkProxies(t.Context()), tt.level, "")
		if t.Failed() {
			t.Fatalf("with %v", tt.env)
		}
	}
}

func TestDoctorBus(t *testing.T) {
	says := func(words string) uint16 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Write([]byte(words)) //nolint:errcheck // whoever asks may go
				c.Close()
			}
		}()
		return uint16(l.Addr().(*net.TCPAddr).Port)
	}
	var c config.Config
	c.NATS.Hosts = []config.NATSHost{{Hostname: "127.0.0.1", Port: says("INFO {}\r\n")}, {Hostname: "127.0.0.1", Port: says("HTTP/1.1 400\r\n")}, {Hostname: "127.0.0.1", Port: 1}}
	got := (&doctor{config: c}).checkBus(t.Context())
	if len(got) != 3 || got[0].Level != levelOK || got[1].Level != levelFail || got[2].Level != levelFail {
		t.Fatalf("got %+v", got)
	}
	wantFinding(t, got, levelFail, `it says "HTTP/"`)
}

func TestDoctorPortsAndState(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := config.Default()
	c.Port, c.Status.Port, c.NATS.Embedded.Port = uint16(l.Addr().(*net.TCPAddr).Port), 0, 0
	d := &doctor{config: c, stateDir: filepath.Join(t.TempDir(), "made")}
	got := d.checkPorts(t.Context())
	wantFinding(t, got, levelFail, "is taken")
	wantFinding(t, got, levelFail, "choose another port with --port")
	wantFinding(t, got, levelOK, "admin any free one, NATS any free one are free")
	wantFinding(t, d.checkStateDir(t.Context()), levelOK, d.stateDir)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	d.stateDir = filepath.Join(file, "below")
	wantFinding(t, d.checkStateDir(t.Context()), levelWarn, "XDG_STATE_HOME")
}

func TestDoctorInstances(t *testing.T) {
	d := &doctor{running: &web.State{Routes: []web.Route{
		{URI: "up.localhost", Instances: []web.Instance{{Health: web.HealthUp}, {Health: web.HealthDown}}},
		{URI: "new.localhost", Instances: []web.Instance{{}}},
		{URI: "dead.localhost", Instances: []web.Instance{{Health: web.HealthDown}}},
	}}}
	got := d.checkInstances(t.Context())
	wantFinding(t, got, levelWarn, "dead.localhost: no instance answers")
	if strings.Contains(got[0].Text, "up.") || strings.Contains(got[0].Text, "new.") {
		t.Errorf("got %+v", got)
	}
}

func TestDoctorConfig(t *testing.T) {
	wantFinding(t, []finding{configFinding(errors.New("open it: no"))}, levelFail, "open it")
}
