package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/router/testlog"
)

// collected is a devrouter whose log nobody reads along: JSON on standard output.
type collected struct {
	*process
	stderr *testlog.Buffer
}

func startCollected(t *testing.T, configuration string) *collected {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "gorouter.yml"), configuration)
	c := &collected{&process{t: t, dir: dir, out: new(testlog.Buffer), done: make(chan error, 1)}, new(testlog.Buffer)}
	c.cmd = command(t, dir, nil, "-c", "gorouter.yml")
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.done <- c.cmd.Wait() }()
	t.Cleanup(func() { c.cmd.Process.Kill() })
	return c
}

// events parses every line, and returns those with a message.
func (c *collected) events(message string) (found []logLine) {
	c.t.Helper()
	text := c.out.String()
	for line := range strings.Lines(text[:strings.LastIndexByte(text, '\n')+1]) {
		if l := parseLine(c.t, line); l.Message == message {
			found = append(found, l)
		}
	}
	return found
}

// event waits for an event.
func (c *collected) event(message string) logLine {
	c.t.Helper()
	c.waitFor(`"message":"` + message + `"`)
	return c.events(message)[0]
}

// Row 115, reference 8.6, 8.7 and 11.1: the phrases that people and their tests
// look for, in the order of the start, each from its part.
func TestLogIsGoroutersJSONWhereNobodyReadsAlong(t *testing.T) {
	onlyUnix(t)
	c := startCollected(t, `
status: {port: 0}
port: 0
routes_file: ""
isolation_segments: [is1, is2]
routing_table_sharding_mode: shared-and-segments
logging: {syslog: vcap.gorouter, level: debug, format: {timestamp: rfc3339}}
token_fetcher_max_retries: 5
`)
	address := c.event("tcp-listener-started").Data["address"].(string)
	connected := c.event("Successfully-connected-to-nats")
	c.event("gorouter.started")
	bus, err := nats.Connect("nats://" + connected.Data["addr"].(string))
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	bus.Publish("router.register", []byte(`{"host":"127.0.0.1","port":1,"uris":["`+"dead\u2028.test"+`","dead.test"],"app":"\u2028\"x","tags":{"component":"\u001b[2J"}}`))
	c.event("endpoint-registered")
	bus.Publish("router.register", []byte("{{ \xff\n"))
	c.event("validation-error")
	r, _ := http.NewRequest("GET", "http://"+address+"/a;b", nil)
	r.Host = "dead.test"
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	c.event("deprecated-semicolon-params")
	c.cmd.Process.Signal(os.Interrupt)
	if code := c.exit(); code != 0 || c.stderr.String() != "" {
		t.Errorf("exit code %d, standard error %q", code, c.stderr)
	}

	var at, last int
	for _, want := range []struct {
		message, source string
		level           int
	}{
		{"starting", "vcap.gorouter", 1},
		{"retrieved-isolation-segments", "vcap.gorouter", 1},
		{"setting-up-nats-connection", "vcap.gorouter.nats", 1},
		{"Successfully-connected-to-nats", "vcap.gorouter.nats", 1},
		{"subscriber-starting", "vcap.gorouter.subscriber", 1},
		{"subscriber-started", "vcap.gorouter.subscriber", 1},
		{"tcp-listener-started", "vcap.gorouter.router", 1},
		{"gorouter.started", "vcap.gorouter.router", 1},
		{"uri-added", "vcap.gorouter.registry", 0},
		{"route-registered", "vcap.gorouter.registry", 1},
		{"endpoint-registered", "vcap.gorouter.registry", 1},
		{"validation-error", "vcap.gorouter.subscriber", 3},
		{"backend-endpoint-failed", "vcap.gorouter.proxy", 3},
		{"deprecated-semicolon-params", "vcap.gorouter.proxy", 2},
		{"gorouter.stopping", "vcap.gorouter.router", 1},
		{"gorouter.stopped", "vcap.gorouter.router", 1},
		{"gorouter.exited", "vcap.gorouter", 1},
	} {
		l := c.event(want.message)
		if l.Source != want.source || *l.Level != want.level {
			t.Errorf("%s: got source %s and level %d, want %s and %d", want.message, l.Source, *l.Level, want.source, want.level)
		}
		if at = strings.Index(c.out.String(), `"message":"`+want.message+`"`); at < last {
			t.Errorf("%s is out of order", want.message)
		}
		last = at
		var stamp string
		if err := json.Unmarshal(l.Timestamp, &stamp); err != nil {
			t.Errorf("%s: %v", want.message, err)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000000000Z", stamp); err != nil {
			t.Errorf("%s: %v", want.message, err)
		}
	}
	for _, text := range []string{
		`"isolation_segments":["is1","is2"],"routing_table_sharding_mode":"shared-and-segments"`, // gorouter's own tests look for this text
		`"addr":"localhost:`, "not in effect: ",
	} {
		if !strings.Contains(c.out.String(), text) {
			t.Errorf("no %s in the log", text)
		}
	}
	if n := len(c.events("Successfully-connected-to-nats")); n != 1 {
		t.Errorf("%d times connected", n)
	}
}

func TestLogLevelAndEpochTimestamps(t *testing.T) {
	onlyUnix(t)
	c := startCollected(t, "status: {port: 0}\nport: 0\nroutes_file: \"\"\n")
	l := c.event("gorouter.started")
	var seconds float64
	if err := json.Unmarshal(l.Timestamp, &seconds); err != nil || time.Since(time.Unix(int64(seconds), 0)) > time.Hour {
		t.Errorf("timestamp %s: %v", l.Timestamp, err)
	}
	if l.Source != "gorouter.stdout.router" || !strings.Contains(c.out.String(), `"isolation_segments":[]`) {
		t.Errorf("got %s", c.out)
	}
	for line := range strings.Lines(c.out.String()) {
		if *parseLine(t, line).Level == 0 {
			t.Errorf("a DEBUG event at the level info: %s", line)
		}
	}
	c.cmd.Process.Signal(os.Interrupt)
	if code := c.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Row 119, reference 9 and 11.1: what ends the process is the log's last word.
func TestFatalErrorsAreInTheJSONLog(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken, _ := net.SplitHostPort(l.Addr().String())
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad.yml"), "port: 8081\nstatsu: {port: 1}\n")
	write(t, filepath.Join(dir, "nats.yml"), "nats: {hosts: [{hostname: 127.0.0.1, port: 1}]}\n")
	for _, tt := range []struct {
		args                     []string
		message, source, because string
	}{
		{[]string{"-c", "none.yml"}, "Error loading config:", "gorouter.stdout", "none.yml"},
		{[]string{"-c", "bad.yml"}, "Error loading config:", "gorouter.stdout", "bad.yml:2:1"},
		{[]string{"-c", "nats.yml"}, "nats-connection-error", "gorouter.stdout.nats", "no servers available"},
		{[]string{"--port", taken}, "tcp-listener-error", "gorouter.stdout.router", "port " + taken + " is taken"},
	} {
		cmd := command(t, dir, nil, tt.args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err == nil {
			t.Errorf("%q: it ended well", tt.args)
		}
		found := false
		for line := range strings.Lines(stdout.String()) {
			if l := parseLine(t, line); l.Message == tt.message {
				reason, _ := l.Data["error"].(string)
				found = *l.Level == 3 && l.Source == tt.source && strings.Contains(reason, tt.because)
			}
		}
		if !found {
			t.Errorf("%q: no %s because of %q in %s", tt.args, tt.message, tt.because, &stdout)
		}
		if strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: standard error has %q", tt.args, &stderr)
		}

		// For people it is said once.
		cmd = command(t, dir, nil, append(tt.args, "--log-format", "text")...)
		if out, _ := cmd.CombinedOutput(); strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q: for people: %q", tt.args, out)
		}
	}
}
