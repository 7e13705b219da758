package appliance_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/config"
)

// scene is a case that runs.
type scene struct {
	t         *testing.T
	section   section
	dir       string
	config    string
	backends  map[string]*backend
	closers   []func()                 // of backends
	appliance *appliancetest.Appliance // nil before the first section that needs one
	bus       *nats.Conn
	markers   int

	conn    net.Conn // of the last request
	reader  *bufio.Reader
	replies []contractReply
	answer  string
}

type contractReply struct {
	status int
	proto  string
	header http.Header
	body   string
}

// steps are the sections of a case, by their verbs.
var steps map[string]func(*scene)

func init() {
	steps = map[string]func(*scene){
		"config": (*scene).configure, "backend": (*scene).startBackend,
		"register": (*scene).publish, "unregister": (*scene).publish, "publish": (*scene).publish,
		"ask": (*scene).ask, "answer": (*scene).checkAnswer,
		"request": (*scene).request, "reply": (*scene).checkReply, "tunnel": (*scene).tunnel,
		"seen": (*scene).checkSeen, "log": (*scene).checkLog, "file": (*scene).checkFile,
	}
}

func (c contractCase) run(t *testing.T) {
	s := &scene{t: t, dir: t.TempDir(), backends: make(map[string]*backend)}
	for _, section := range c.sections {
		s.section = section
		steps[section.verb](s)
		if t.Failed() {
			t.Fatalf("%s:%d: in this section", c.file, section.line)
		}
	}
}

var variable = regexp.MustCompile(`\$[a-z]+`)

// fill puts the values of variables into a text: $dir is a folder of the case's
// own, $ca the certificate of backends that speak TLS, $name a backend's port.
func (s *scene) fill(text string) string {
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		switch b := s.backends[v[1:]]; {
		case b != nil:
			return b.port
		case v == "$dir":
			return filepath.ToSlash(s.dir)
		case v == "$ca":
			return fmt.Sprintf("%q", testCA())
		}
		return v
	})
}

func (s *scene) configure() { s.config += s.section.content }

// start runs the appliance, with the configuration that the case has given so far.
func (s *scene) start() *appliancetest.Appliance {
	if s.appliance != nil {
		return s.appliance
	}
	c, err := config.Parse("gorouter.yml", []byte(s.fill(s.config)))
	if err != nil {
		s.t.Fatal(err)
	}
	c.Port, c.Status.Port, c.NATS.Embedded.Port, c.RoutesFile = 0, 0, 0, ""
	s.appliance = appliancetest.Start(s.t, "", func(o *appliance.Options) { o.Config = c })
	s.bus = s.appliance.NATS()
	// Before the appliance looks that no goroutine is left.
	s.t.Cleanup(func() {
		for _, end := range s.closers {
			end()
		}
	})
	return s.appliance
}

// publish publishes each line as a message, and waits until the router has heard
// them all: a marker that is published last is heard last.
func (s *scene) publish() {
	s.start()
	subject := "router." + s.section.verb
	if s.section.verb == "publish" {
		subject = s.section.args[0]
	}
	for _, line := range s.section.linesOf() {
		if err := s.bus.Publish(subject, []byte(s.fill(line))); err != nil {
			s.t.Fatal(err)
		}
	}
	s.markers++
	marker := fmt.Sprintf("marker-%d.invalid", s.markers)
	publish(s.t, s.bus, "router.register", `{"host":"192.0.2.1","port":9,"uris":["%s"]}`, marker)
	s.appliance.Eventually("the router hears "+marker, func() bool {
		return strings.Contains(s.appliance.Get(s.appliance.URLs().Admin+"/routes", "Authorization: Basic dXNlcjpwYXNz").Text, marker)
	})
	publish(s.t, s.bus, "router.unregister", `{"host":"192.0.2.1","port":9,"uris":["%s"]}`, marker)
}

func (s *scene) ask() {
	s.start()
	m, err := s.bus.Request(s.section.args[0], []byte(strings.TrimSpace(s.section.content)), 10*time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	s.answer = string(m.Data)
}

func (s *scene) checkAnswer() {
	want := strings.TrimSpace(s.section.content)
	if !matches(want, s.answer) {
		s.t.Errorf("got the answer %s, want %s", s.answer, want)
	}
}

// request sends the section as the bytes of a request, each time on a new
// connection, to the traffic port or, with `to admin`, to the admin port.
func (s *scene) request() {
	a := s.start()
	addr := strings.TrimPrefix(a.URLs().Router, "http://")
	if slices.Contains(s.section.args, "admin") {
		addr = strings.TrimPrefix(a.URLs().Admin, "http://")
	}
	s.replies = nil
	for range s.section.times(s.t) {
		s.exchange(addr, rawRequest(s.fill(s.section.content)))
	}
}

// rawRequest ends the lines of a head with CRLF. A body is what follows the empty
// line, without the newline that ends the section.
func rawRequest(text string) string {
	head, body, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\n\n")
	return strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\n\r\n" + strings.TrimSuffix(body, "\n")
}

func (s *scene) exchange(addr, request string) {
	conn, err := net.Dial("tcp", strings.Replace(addr, "localhost", "127.0.0.1", 1))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // shows at the next read
	if _, err := io.WriteString(conn, request); err != nil {
		s.t.Fatal(err)
	}
	s.conn, s.reader = conn, bufio.NewReader(conn)
	method, _, _ := strings.Cut(request, " ")
	for {
		res, err := http.ReadResponse(s.reader, &http.Request{Method: method})
		if err != nil {
			s.t.Fatalf("the reply to %q: %v", request, err)
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		s.replies = append(s.replies, s.read(res))
		return
	}
}

func (s *scene) read(res *http.Response) contractReply {
	r := contractReply{status: res.StatusCode, proto: res.Proto, header: res.Header}
	if res.Close && res.ProtoAtLeast(1, 1) {
		res.Header.Set("Connection", "close") // net/http takes it away
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return r
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.body = string(body)
	s.conn.Close()
	return r
}

// checkReply compares every reply to the last request.
func (s *scene) checkReply() {
	head, body, checked := strings.Cut(s.fill(s.section.content), "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	for _, r := range s.replies {
		if got := fmt.Sprintf("%s %d", r.proto, r.status); !strings.HasSuffix(got, lines[0]) {
			s.t.Errorf("got %s %v %q, want %s", got, r.header, r.body, lines[0])
		}
		checkHeader(s.t, r.header, lines[1:])
		if want := strings.TrimSpace(body); checked && want != "" && !matches(want, strings.TrimSuffix(r.body, "\n")) {
			s.t.Errorf("got the body %q, want %s", r.body, want)
		}
	}
}

// checkHeader looks for lines `Name: value`, and for the absence of `!Name`.
func checkHeader(t *testing.T, h http.Header, lines []string) {
	t.Helper()
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "!"); ok {
			if h.Values(name) != nil {
				t.Errorf("got %s: %q, want none", name, h.Values(name))
			}
			continue
		}
		name, want, _ := strings.Cut(line, ":")
		want = strings.TrimSpace(want)
		if !slices.ContainsFunc(h.Values(name), func(v string) bool { return matches(want, v) }) {
			t.Errorf("got %s: %q, want %s", name, h.Values(name), want)
		}
	}
}

// matches compares a text with another, or with a regular expression between slashes.
func matches(want, got string) bool {
	if len(want) > 2 && want[0] == '/' && want[len(want)-1] == '/' {
		return regexp.MustCompile(want[1 : len(want)-1]).MatchString(got)
	}
	return want == got
}

// tunnel sends a text through the tunnel that the last request has become, and
// waits for the same text.
func (s *scene) tunnel() {
	if _, err := io.WriteString(s.conn, s.section.content); err != nil {
		s.t.Fatal(err)
	}
	got := make([]byte, len(s.section.content))
	if _, err := io.ReadFull(s.reader, got); err != nil || string(got) != s.section.content {
		s.t.Errorf("got %q, %v back from the tunnel", got, err)
	}
}

// checkSeen compares the last request that a backend has seen, or counts.
func (s *scene) checkSeen() {
	name := s.section.args[0]
	seen := s.backends[name].requests()
	if slices.Contains(s.section.args, "times") {
		if want := s.section.times(s.t); len(seen) != want {
			s.t.Errorf("backend %s has seen %d requests, want %d", name, len(seen), want)
		}
	}
	text := strings.TrimSpace(s.fill(s.section.content))
	if text == "" {
		return
	}
	if len(seen) == 0 {
		s.t.Fatalf("backend %s has seen no request", name)
	}
	last := seen[len(seen)-1]
	head, body, checked := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if got := last.method + " " + last.target; !matches(lines[0], got) {
		s.t.Errorf("backend %s has seen %q, want %q", name, got, lines[0])
	}
	checkHeader(s.t, last.header, lines[1:])
	if checked && !matches(body, last.body) {
		s.t.Errorf("backend %s has seen the body %q, want %q", name, last.body, body)
	}
}

func (s *scene) checkLog() {
	for _, line := range s.section.linesOf() {
		s.start().Eventually("the log has "+line, func() bool { return strings.Contains(s.appliance.Log.String(), s.fill(line)) })
	}
}

// checkFile waits until a file of the case's folder matches each line.
func (s *scene) checkFile() {
	for _, line := range s.section.linesOf() {
		re := regexp.MustCompile(strings.Trim(s.fill(line), "/"))
		s.start().Eventually("the file matches "+line, func() bool {
			data, err := os.ReadFile(filepath.Join(s.dir, s.section.args[0]))
			return err == nil && re.Match(bytes.TrimSpace(data))
		})
	}
}
