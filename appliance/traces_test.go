package appliance_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/config"
)

// accessLog waits for the line of a request, by a part of it.
func accessLog(a *appliancetest.Appliance, path, part string) (line string) {
	a.Eventually("the access log's line", func() bool {
		content, _ := os.ReadFile(path)
		for l := range strings.Lines(string(content)) {
			if strings.Contains(l, part) && strings.HasSuffix(l, "\n") {
				line = strings.TrimSuffix(l, "\n")
				return true
			}
		}
		return false
	})
	return line
}

// field returns the value of a named field of an access log line.
func field(line, name string) string {
	_, rest, ok := strings.Cut(line, " "+name+":")
	if !ok {
		return "(no such field)"
	}
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		value, _, _ := strings.Cut(quoted, `"`)
		return value
	}
	value, _, _ := strings.Cut(rest, " ")
	return value
}

// Rows 76, 77, 112, 113: what the configuration says of traces and of the access
// log, from the file of keys to the line.
func TestAccessLogAndTracesAsConfigured(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	var seen http.Header
	a := appliancetest.Start(t, "apps: {web: "+appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() })+"}\n",
		func(o *appliance.Options) {
			c := &o.Config
			c.AccessLog.File = path
			c.ExtraHeadersToLog = []string{"X-Mine"}
			c.Logging.ExtraAccessLogFields = []string{"backend_time", "dial_time", "dns_time", "failed_attempts", "failed_attempts_time", "local_address", "tls_time"}
			c.Logging.RedactQueryParams = "hash"
			c.Logging.DisableLogForwardedFor, c.Logging.DisableLogSourceIP = true, true
			c.Tracing.EnableZipkin, c.Tracing.EnableW3C, c.Tracing.W3CTenantID = true, true, "tid"
		})
	a.Status("http://web.localhost/", 200)
	a.Get("http://web.localhost/one?secret=1", "X-Mine: yes", "X-Forwarded-For: 6.6.6.6")
	line := accessLog(a, path, "/one")

	sum := sha1.Sum([]byte("secret=1"))
	if want := `"GET /one?hash=` + hex.EncodeToString(sum[:]) + ` HTTP/1.1" 200 `; !strings.Contains(line, want) || strings.Contains(line, "secret") {
		t.Errorf("no %s in %s", want, line)
	}
	trace := strings.ReplaceAll(seen.Get("X-Vcap-Request-Id"), "-", "")
	span := seen.Get("X-B3-Spanid")
	for name, want := range map[string]string{
		"x_forwarded_for": "-", "x_forwarded_proto": "http", "vcap_request_id": seen.Get("X-Vcap-Request-Id"),
		"failed_attempts": "0", "dns_time": "-", "tls_time": "-", "x_mine": "yes",
		"x_b3_traceid": trace, "x_b3_spanid": span, "x_b3_parentspanid": "-", "b3": trace + "-" + span,
		"traceparent": "00-" + trace + "-" + span + "-01", "tracestate": "tid@gorouter=" + span,
	} {
		if got := field(line, name); got != want {
			t.Errorf("%s: got %q, want %q, in %s", name, got, want, line)
		}
	}
	// The route's target is "localhost"; the router's own end of the connection is no client's.
	if own := field(line, "local_address"); own == "-" || strings.Count(line, "127.0.0.1")+strings.Count(line, "[::1]") != 1 {
		t.Errorf("the client's address is logged: %s", line)
	}
	// In the order of reference 10.1.
	last := 0
	for _, name := range []string{"x_forwarded_for", "instance_id", "backend_time", "tls_time", "x_cf_routererror", "x_mine", "x_b3_traceid", "b3", "traceparent", "tracestate"} {
		at := strings.Index(line, " "+name+":")
		if at < last {
			t.Errorf("%s is out of order in %s", name, line)
		}
		last = at
	}

	a.Get("http://unknown.localhost/two")
	if line := accessLog(a, path, "/two"); len(field(line, "x_b3_traceid")) != 32 || strings.ReplaceAll(field(line, "vcap_request_id"), "-", "") != field(line, "x_b3_traceid") {
		t.Errorf("an unknown route is in no trace: %s", line)
	}
}

// Row 114 and reference 10.2: file and syslog together, through the configuration.
func TestAccessLogIsStreamedToo(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	path := filepath.Join(t.TempDir(), "access.log")
	a := appliancetest.Start(t, "apps: {}\n", func(o *appliance.Options) {
		c := &o.Config
		c.AccessLog.File, c.AccessLog.EnableStreaming = path, true
		c.Logging.SyslogAddr, c.Logging.Syslog, c.Logging.SyslogTruncate = conn.LocalAddr().String(), "vcap.gorouter", 60
	})
	a.Get("http://unknown.localhost/streamed")
	buf := make([]byte, 64<<10)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	line := accessLog(a, path, "/streamed")
	if prefix, text, ok := bytes.Cut(buf[:n], []byte(" - \ufeff")); !ok || !bytes.HasPrefix(prefix, []byte("<14>1 ")) || !bytes.Contains(prefix, []byte(" vcap.gorouter ")) || string(text) != line[:60] {
		t.Errorf("got %q, the file has %q", buf[:n], line)
	}
}

func TestTenantThatIsNoneIsAnErrorAtTheStart(t *testing.T) {
	for _, tenant := range []string{"Big", "a b", "a\nb", "x=y"} {
		o := appliance.Options{Config: config.Default()}
		o.Config.Port, o.Config.Status.Port, o.Config.NATS.Embedded.Port, o.Config.RoutesFile = 0, 0, 0, ""
		o.Config.Tracing.EnableW3C, o.Config.Tracing.W3CTenantID = true, tenant
		if a, err := appliance.New(o); err == nil || !strings.Contains(err.Error(), "tracing.w3c_tenant_id") {
			t.Errorf("%q: got %v", tenant, err)
			if a != nil {
				a.Close()
			}
		}
	}
}
