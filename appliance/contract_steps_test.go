package appliance_test

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	segment   string // that the appliance listens for, or ""

	conn    net.Conn // of the last request
	kept    bool     // it stays open
	reader  *bufio.Reader
	through net.Conn // the tunnel, once a request has become one
	back    *bufio.Reader
	last    section // the last request
	replies []contractReply
	jar     []*http.Cookie
	answer  string
	heard   map[string]*nats.Subscription
	pairs   func() contractPairs
}

type contractReply struct {
	err    error // there was none
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
		"listen": (*scene).listen, "heard": (*scene).checkHeard,
		"request": (*scene).request, "begin": (*scene).begin, "reply": (*scene).checkReply, "same": (*scene).checkSame, "tunnel": (*scene).tunnel,
		"seen": (*scene).checkSeen, "log": (*scene).checkLog, "file": (*scene).checkFile,
		"write": (*scene).write, "refused": (*scene).checkRefused,
	}
}

func (c contractCase) run(t *testing.T) {
	s := &scene{t: t, dir: t.TempDir(), backends: make(map[string]*backend), heard: make(map[string]*nats.Subscription)}
	s.pairs = sync.OnceValue(func() contractPairs { return makeContractPairs(t) })
	for i, section := range c.sections {
		s.section = section
		steps[section.verb](s)
		if i+1 == len(c.sections) || c.sections[i+1].verb != "reply" {
			s.expectReplies()
		}
		if t.Failed() {
			t.Fatalf("%s:%d: in this section", c.file, section.line)
		}
	}
}

var variable = regexp.MustCompile(`\$[a-z]+`)

// fill puts the values of variables into a text; README.md names them.
func (s *scene) fill(text string) string {
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		switch b := s.backends[v[1:]]; {
		case b != nil:
			return b.port
		case v == "$dir":
			return filepath.ToSlash(s.dir)
		case v == "$ca":
			return fmt.Sprintf("%q", testCA())
		case v == "$cookies":
			return s.cookies()
		}
		if value, ok := s.pairValue(v[1:]); ok {
			return value
		}
		return v
	})
}

func (s *scene) configure() { s.config += s.section.content }

// options are those of the configuration that the case has given so far.
func (s *scene) options() (appliance.Options, error) {
	c, err := config.Parse("gorouter.yml", []byte(s.fill(s.config)))
	c.Port, c.SSLPort, c.Status.Port, c.NATS.Embedded.Port, c.RoutesFile = 0, 0, 0, 0, ""
	// gorouter looks at no endpoint, and cases count connections.
	c.EndpointHealthCheckInterval = 0
	c.UseNetHTTP = c.UseNetHTTP || os.Getenv("DEVROUTER_TEST_NET_HTTP") != "" // make test-nethttp
	return appliance.Options{Config: c}, err
}

// start runs the appliance, with the configuration that the case has given so far.
func (s *scene) start() *appliancetest.Appliance {
	if s.appliance != nil {
		return s.appliance
	}
	options, err := s.options()
	if err != nil {
		s.t.Fatal(err)
	}
	s.appliance = appliancetest.Start(s.t, "", func(o *appliance.Options) { o.Config, o.LogLevel = options.Config, new(slog.LevelVar) })
	s.bus = s.appliance.NATS()
	if segments := options.Config.IsolationSegments; len(segments) > 0 {
		s.segment = segments[0]
	}
	// Before the appliance looks that no goroutine is left.
	s.t.Cleanup(func() {
		for _, end := range s.closers {
			end()
		}
	})
	return s.appliance
}

// checkRefused looks that an appliance with this configuration does not start.
func (s *scene) checkRefused() {
	want := strings.TrimSpace(s.fill(s.section.content))
	options, err := s.options()
	if err == nil {
		var a *appliance.Appliance
		if a, err = appliance.New(options); err == nil {
			a.Close()
			s.t.Fatal("the appliance accepts this configuration")
		}
	}
	if !matches(want, err.Error()) {
		s.t.Errorf("got %q, want %s", err, want)
	}
}

// write puts a file into the case's folder.
func (s *scene) write() {
	if err := os.WriteFile(filepath.Join(s.dir, s.section.args[0]), []byte(strings.TrimSpace(s.section.content)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// publish publishes each line as a message, and waits until the router has heard
// them all: a marker that is published last is heard last. It leaves no endpoint
// of a marker in the table.
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
	publish(s.t, s.bus, "router.register", `{"host":"192.0.2.1","port":9,"uris":["%s"],"isolation_segment":"%s"}`, marker, s.segment)
	s.appliance.Eventually("the router hears "+marker, func() bool { return s.isRouted(marker) })
	publish(s.t, s.bus, "router.unregister", `{"host":"192.0.2.1","port":9,"uris":["%s"],"isolation_segment":"%s"}`, marker, s.segment)
	s.appliance.Eventually("the router forgets "+marker, func() bool { return !s.isRouted(marker) })
}

// isRouted says whether a route has an endpoint; without any it may stay a while.
func (s *scene) isRouted(uri string) bool {
	routes := s.appliance.Get(s.appliance.URLs().Admin+"/routes", "Authorization: Basic dXNlcjpwYXNz").Text
	return strings.Contains(routes, `"`+uri+`":[{`)
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

// listen subscribes to a subject.
func (s *scene) listen() {
	s.start()
	sub, err := s.bus.SubscribeSync(s.section.args[0])
	if err == nil {
		err = s.bus.Flush()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.heard[s.section.args[0]] = sub
}

// checkHeard waits for a message like the section, on a subject listened to.
func (s *scene) checkHeard() {
	want := strings.TrimSpace(s.fill(s.section.content))
	for deadline := time.Now().Add(10 * time.Second); ; {
		m, err := s.heard[s.section.args[0]].NextMsg(time.Until(deadline))
		if err != nil {
			s.t.Fatalf("no message like %s: %v", want, err)
		}
		data := m.Data
		if slices.Contains(s.section.args, "zlib") {
			r, err := zlib.NewReader(bytes.NewReader(data))
			if err != nil {
				s.t.Fatal(err)
			}
			if data, err = io.ReadAll(r); err != nil {
				s.t.Fatal(err)
			}
		}
		if matches(want, string(data)) {
			return
		}
	}
}

// request sends the section as the bytes of a request, each time on a new
// connection, to the traffic port or to what `to` names.
func (s *scene) request() {
	s.last, s.replies = s.section, nil
	for range s.section.times(s.t) {
		s.exchange(s.section)
	}
}

// begin sends a request and waits, not for its reply, but until a backend has it.
func (s *scene) begin() {
	s.start()
	b := s.backends[s.section.args[0]]
	had := len(b.requests())
	if _, err := s.send(s.section); err != nil {
		s.t.Fatal(err)
	}
	s.appliance.Eventually("a request reaches "+b.name, func() bool { return len(b.requests()) > had })
}

// address is where a request goes.
func (s *scene) address(request section) string {
	urls := s.start().URLs()
	url := urls.Router
	switch {
	case request.word("to") == "admin":
		url = urls.Admin
	case request.word("to") == "metrics":
		url = urls.Metrics
	case request.word("to") == "debug":
		url = urls.Debug
	case request.word("over") != "":
		url = urls.Secure
	}
	_, addr, _ := strings.Cut(url, "://")
	return strings.Replace(addr, "localhost", "127.0.0.1", 1)
}

// rawRequest ends the lines of a head with CRLF. A body is what follows the empty
// line, without the newline that ends the section.
func rawRequest(text string) string {
	head, body, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\n\n")
	return strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\n\r\n" + strings.TrimSuffix(body, "\n")
}

// send opens a connection, over TLS where the case wants it, and writes the
// request. A line of the PROXY protocol comes before the handshake.
func (s *scene) send(request section) (method string, err error) {
	text := rawRequest(s.fill(request.content))
	conn, err := net.Dial("tcp", s.address(request))
	if err != nil {
		return "", err
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // shows at the next read
	if strings.HasPrefix(text, "PROXY ") {
		line, rest, _ := strings.Cut(text, "\r\n")
		if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
			return "", err
		}
		text = rest
	}
	s.conn = conn
	if request.word("over") != "" {
		secure := tls.Client(conn, s.clientTLS(request))
		if err := secure.Handshake(); err != nil {
			return "", err
		}
		s.conn = secure
	}
	_, err = io.WriteString(s.conn, text)
	method, _, _ = strings.Cut(text, " ")
	s.reader = bufio.NewReader(s.conn)
	return method, err
}

// exchange sends a request and notes the reply, or that there is none.
func (s *scene) exchange(request section) {
	if request.word("over") == "h2" {
		s.exchangeHTTP2(request)
		return
	}
	var method string
	var err error
	if keep := slices.Contains(request.args, "kept"); keep && s.kept {
		text := rawRequest(s.fill(request.content))
		method, _, _ = strings.Cut(text, " ")
		_, err = io.WriteString(s.conn, text)
	} else {
		method, err = s.send(request)
		s.kept = keep
	}
	for err == nil {
		var res *http.Response
		if res, err = http.ReadResponse(s.reader, &http.Request{Method: method}); err != nil {
			break
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		s.note(s.read(res))
		return
	}
	s.note(contractReply{err: err})
}

// exchangeHTTP2 is exchange, in the frames of HTTP/2.
func (s *scene) exchangeHTTP2(request section) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(rawRequest(s.fill(request.content)))))
	if err != nil {
		s.t.Fatal(err)
	}
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "https", s.address(request)
	transport := &http.Transport{TLSClientConfig: s.clientTLS(request), ForceAttemptHTTP2: true, DisableKeepAlives: true}
	res, err := transport.RoundTrip(r)
	if err != nil {
		s.note(contractReply{err: err})
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	s.note(contractReply{err: err, status: res.StatusCode, proto: res.Proto, header: res.Header, body: string(body)})
}

func (s *scene) note(r contractReply) {
	s.replies = append(s.replies, r)
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		s.jar = slices.DeleteFunc(s.jar, func(o *http.Cookie) bool { return o.Name == c.Name })
		s.jar = append(s.jar, c)
	}
}

// cookies is what a client sends that has kept all cookies of the replies so far.
func (s *scene) cookies() string {
	var pairs []string
	for _, c := range s.jar {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// expectReplies fails the case when a request has had no reply and the case does
// not ask for that.
func (s *scene) expectReplies() {
	for _, r := range s.replies {
		if r.err != nil && s.section.verb == "request" {
			s.t.Fatalf("no reply to %q: %v", s.last.content, r.err)
		}
	}
}

func (s *scene) read(res *http.Response) contractReply {
	r := contractReply{status: res.StatusCode, proto: res.Proto, header: res.Header}
	if res.Close && res.ProtoAtLeast(1, 1) {
		res.Header.Set("Connection", "close") // net/http takes it away
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		s.through, s.back = s.conn, s.reader
		return r
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.body = string(body)
	if !s.kept {
		s.conn.Close()
	}
	return r
}

// checkReply compares every reply to the last request; `eventually` repeats the
// request until it fits.
func (s *scene) checkReply() {
	var wrong string
	if !slices.Contains(s.section.args, "eventually") {
		if wrong = s.wrongReplies(); wrong != "" {
			s.t.Error(wrong)
		}
		return
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if wrong = s.wrongReplies(); wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(wrong)
		}
		s.replies = nil
		s.exchange(s.last)
	}
}

// wrongReplies says how the replies differ from the section, or "".
func (s *scene) wrongReplies() string {
	var wrong []string
	head, body, checked := strings.Cut(s.fill(s.section.content), "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	for _, r := range s.replies {
		if lines[0] == "none" || r.err != nil {
			if (lines[0] == "none") != (r.err != nil) {
				wrong = append(wrong, fmt.Sprintf("got %d %v, want %s", r.status, r.err, lines[0]))
			}
			continue
		}
		if got := fmt.Sprintf("%s %d", r.proto, r.status); !strings.HasSuffix(got, lines[0]) {
			wrong = append(wrong, fmt.Sprintf("got %s %v %q, want %s", got, r.header, r.body, lines[0]))
		}
		wrong = append(wrong, wrongHeader(r.header, lines[1:])...)
		if !checked {
			continue
		}
		got := strings.TrimSuffix(r.body, "\n")
		if want := strings.TrimSpace(body); want != "" && !matches(want, got) && !matchesEach(want, got) {
			wrong = append(wrong, fmt.Sprintf("got the body %q, want %s", r.body, want))
		}
	}
	return strings.Join(wrong, "\n")
}

// checkSame looks that a pattern finds the same text in all replies to the last request.
func (s *scene) checkSame() {
	pattern := regexp.MustCompile(strings.Trim(strings.TrimSpace(s.section.content), "/"))
	for _, r := range s.replies {
		if first, got := pattern.FindString(s.replies[0].body), pattern.FindString(r.body); got == "" || got != first {
			s.t.Errorf("got %q after %q", got, first)
		}
	}
}

// wrongHeader looks for lines `Name: value`, and for the absence of `!Name`.
func wrongHeader(h http.Header, lines []string) (wrong []string) {
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "!"); ok {
			if h.Values(name) != nil {
				wrong = append(wrong, fmt.Sprintf("got %s: %q, want none", name, h.Values(name)))
			}
			continue
		}
		name, want, _ := strings.Cut(line, ":")
		want = strings.TrimSpace(want)
		if !slices.ContainsFunc(h.Values(name), func(v string) bool { return matches(want, v) }) {
			wrong = append(wrong, fmt.Sprintf("got %s: %q, want %s", name, h.Values(name), want))
		}
	}
	return wrong
}

// matchesEach tells that each line is a pattern between slashes that matches.
func matchesEach(want, got string) bool {
	for line := range strings.SplitSeq(want, "\n") {
		if len(line) < 3 || line[0] != '/' || line[len(line)-1] != '/' || !matches(line, got) {
			return false
		}
	}
	return true
}

// matches compares a text with another, or with a regular expression between slashes.
func matches(want, got string) bool {
	if len(want) > 2 && want[0] == '/' && want[len(want)-1] == '/' {
		return regexp.MustCompile(want[1 : len(want)-1]).MatchString(got)
	}
	return want == got
}

// tunnel sends a text through the tunnel that a request has become, and waits for
// the same text.
func (s *scene) tunnel() {
	if _, err := io.WriteString(s.through, s.section.content); err != nil {
		s.t.Fatal(err)
	}
	got := make([]byte, len(s.section.content))
	if _, err := io.ReadFull(s.back, got); err != nil || string(got) != s.section.content {
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
	if i := slices.Index(s.section.args, "connections"); i > 0 {
		if got := strconv.Itoa(int(s.backends[name].connections.Load())); got != s.section.args[i-1] {
			s.t.Errorf("backend %s has had %s connections, want %s", name, got, s.section.args[i-1])
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
	for _, wrong := range wrongHeader(last.header, lines[1:]) {
		s.t.Errorf("backend %s: %s", name, wrong)
	}
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
