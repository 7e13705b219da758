package accesslog

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"devrouter/router/testlog"
	"devrouter/router/testport"
)

const patience = 10 * time.Second

// receiver is a syslog that listens on TCP. Port 0 is any.
func receiver(t *testing.T, port int) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	return l
}

func accept(t *testing.T, l net.Listener) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn, bufio.NewReader(conn)
}

func readLine(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("after %q: %v", s, err)
	}
	return strings.TrimSuffix(s, "\n")
}

// syslogLine is gorouter's message, with one "-" where RFC 5424 has two
// (reference 10.2).
func syslogLine(app, text string) *regexp.Regexp {
	return regexp.MustCompile(`^<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[-+]\d\d:\d\d) \S+ ` + app + " " + fmt.Sprint(os.Getpid()) + " - \ufeff" + regexp.QuoteMeta(text) + "$")
}

// Row 114: one record, one datagram; and the file has the same line.
func TestLinesAreStreamedAsDatagramsBesideTheFile(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	path := filepath.Join(t.TempDir(), "access.log")
	l, stop := start(t, Options{Path: path, Syslog: Syslog{Addr: conn.LocalAddr().String(), App: "vcap.gorouter"}})
	l.Write(example())
	buf := make([]byte, 64<<10)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if want := syslogLine("vcap.gorouter", exampleLine); !want.Match(buf[:n]) {
		t.Errorf("got  %q\nwant %s", buf[:n], want)
	}
	stop()
	if got := read(t, path); got != exampleLine+"\n" {
		t.Errorf("the file has %q", got)
	}
}

func TestLinesAreStreamedOverTCPWithLineFeeds(t *testing.T) {
	l := receiver(t, 0)
	log, stop := start(t, Options{Syslog: Syslog{Network: "tcp", Addr: l.Addr().String()}})
	log.Write(requestTo("/1"))
	log.Write(requestTo("/2"))
	_, r := accept(t, l)
	for _, path := range []string{"/1", "/2"} {
		want := syslogLine("-", strings.Replace(exampleLine, "GET /foo?", "GET "+path+"?", 1))
		if got := readLine(t, r); !want.MatchString(got) {
			t.Errorf("got  %q\nwant %s", got, want)
		}
	}
	if err := log.Reopen(); err != nil {
		t.Errorf("Reopen without a file: %v", err)
	}
	stop()
	if rest, err := r.ReadString('\n'); err == nil || rest != "" {
		t.Errorf("at the end: got %q, %v", rest, err)
	}
}

func TestReceiverThatRestartsMissesNoLine(t *testing.T) {
	var told testlog.Buffer
	port := testport.Free(t)
	l := receiver(t, port)
	log, _ := start(t, Options{Syslog: Syslog{Network: "tcp", Addr: l.Addr().String()}, Log: slog.New(slog.NewTextHandler(&told, nil))})
	log.Write(requestTo("/before"))
	conn, r := accept(t, l)
	readLine(t, r)
	l.Close()
	conn.Close()
	for deadline := time.Now().Add(patience); !strings.Contains(told.String(), "access log cannot reach its syslog"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the outage is not told: %s", told.String())
		}
		if len(log.stream.queue) == 0 {
			log.Write(requestTo("/during")) // the first ones may go out before the end is noticed
		}
	}
	log.Write(requestTo("/last"))

	_, r = accept(t, receiver(t, port))
	for !strings.Contains(readLine(t, r), "/last") {
	}
	for deadline := time.Now().Add(patience); !strings.Contains(told.String(), "access log reaches its syslog again"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the end of the outage is not told: %s", told.String())
		}
	}
	if log.Lost() != 0 {
		t.Errorf("lost %d lines", log.Lost())
	}
}

func TestReceiverThatIsAwayCostsLinesAndNoTime(t *testing.T) {
	log, err := Open(Options{Syslog: Syslog{Network: "tcp", Addr: testport.Refusing(t)}})
	if err != nil {
		t.Fatal(err)
	}
	for range queueLines + 7 {
		log.Write(example())
	}
	if log.Lost() != 7 {
		t.Errorf("lost %d lines, want 7", log.Lost())
	}
	began := time.Now()
	run(t, log)()
	if took := time.Since(began); took > writeTimeout-time.Second || log.Lost() != queueLines+7 {
		t.Errorf("the end took %v, lost %d lines", took, log.Lost())
	}
}

func TestReceiverThatDoesNotReadHoldsNothingUp(t *testing.T) {
	l := receiver(t, 0)
	log, stop := start(t, Options{Syslog: Syslog{Network: "tcp", Addr: l.Addr().String()}})
	big := example()
	big.Forwarded.Set("User-Agent", strings.Repeat("a", 1<<20))
	began := time.Now()
	for range 40 {
		log.Write(big)
	}
	if took := time.Since(began); took > writeTimeout-time.Second {
		t.Errorf("40 lines took %v", took)
	}
	accept(t, l)
	began = time.Now()
	stop()
	if took := time.Since(began); took > writeTimeout-time.Second {
		t.Errorf("the end took %v", took)
	}
	if queued := log.stream.queued.Load(); queued != 0 || log.Lost() == 0 {
		t.Errorf("%d bytes are queued, %d lines lost", queued, log.Lost())
	}
}

func TestDatagramsThatNobodyTakesAreNoFailure(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().String()
	conn.Close()
	log, stop := start(t, Options{Syslog: Syslog{Addr: addr}})
	for range 10 {
		log.Write(example())
	}
	if conn, err = net.ListenPacket("udp", addr); err != nil {
		t.Skip("the port was taken meanwhile")
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	log.Write(requestTo("/now"))
	for buf := make([]byte, 64<<10); ; {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(buf[:n]), "/now") {
			break
		}
	}
	stop()
}

func TestStreamedLinesAreTruncatedBetweenCharacters(t *testing.T) {
	s, err := openStream(Syslog{Addr: "127.0.0.1:1", App: "a\nb c", Truncate: 6}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"short": "short", "exactl": "exactl", "too long": "too lo", "12345ä": "12345", "ää€": "ää"} {
		got := string(s.message(time.Now(), []byte(text)))
		if !syslogLine("abc", want).MatchString(got) || !utf8.ValidString(got) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSyslogThatCannotBeIsAnErrorAtTheStart(t *testing.T) {
	for _, o := range []Syslog{{Addr: "nowhere"}, {Addr: "127.0.0.1:514", Network: "unix"}} {
		if l, err := Open(Options{Syslog: o}); err == nil || l != nil {
			t.Errorf("%+v: got %v, %v", o, l, err)
		}
	}
}
