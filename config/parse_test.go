package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"devrouter/config/problem"
)

var update = flag.Bool("update", false, "rewrite the golden files and the table of docs/configuration.md")

func TestEmptyFileIsAllDefaults(t *testing.T) {
	for _, content := range []string{"", "\n", "# nothing yet\n", "---\n", "--- # nothing\n...\n", "\uFEFF", "status:\nnats: ~\nport:\ntls_pem:\n"} {
		got, err := Parse("devrouter.yml", []byte(content))
		if err != nil {
			t.Errorf("Parse(%q): %v", content, err)
		}
		if want := Default(); !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%q): got %+v\nwant %+v", content, got, want)
		}
	}
}

func TestDefaultsHaveNoProblem(t *testing.T) {
	d := decoder{file: problem.NewFile("devrouter.yml", nil)}
	if d.check(Default()); len(d.list()) > 0 {
		t.Errorf("the defaults have problems:\n%v", d.list())
	}
}

// The file has every kind of value of gorouter's own files, as its BOSH job
// renders them and as its tests dump them (reference, section 9).
func TestGorouterFileIsReadAsItIs(t *testing.T) {
	c, err := Load(filepath.Join("testdata", "gorouter.yml"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Status.Port = 8080
	want.Status.User, want.Status.Pass = "router-status", "0123456789"
	want.Status.Routes.Port = 8082
	want.NATS.Hosts = []NATSHost{{"10.0.0.1", 4222}, {"q-s0.nats.default", 4224}}
	want.NATS.User, want.NATS.Pass, want.NATS.TLSEnabled = "nats", "secret", true
	want.NATS.CACerts = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	want.NATS.CertChain, want.NATS.PrivateKey = "chain", "key"
	want.Logging.Syslog, want.Logging.LoggregatorEnabled = "vcap.gorouter", true
	want.Logging.Format.Timestamp = "rfc3339"
	want.Logging.ExtraAccessLogFields = []string{"backend_time", "local_address"}
	want.Tracing.EnableZipkin = true
	want.Port, want.Index, want.TraceKey = 80, 2, "22"
	want.AccessLog.File = "/var/vcap/sys/log/gorouter/access.log"
	want.StartResponseDelayInterval = 20 * time.Second
	want.EndpointTimeout = 15*time.Minute + 500*time.Millisecond
	want.DropletStaleThreshold = 90 * time.Second
	want.Backends.MaxConns, want.Backends.MaxAttempts = 500, 3
	want.IsolationSegments = []string{}
	want.ExtraHeadersToLog = []string{"X-Session"}
	want.EnableSSL, want.SSLPort = true, 443
	want.TLSPEM = []KeyPair{{CertChain: "chain", PrivateKey: "key"}}
	want.ClientCertValidation, want.MaxTLSVersion = "request", "TLSv1.2"
	want.CACerts = []string{"one", "two"}
	want.VerifyClientCertificateMetadata = []CertificateRule{{
		IssuerInChain:     CertSubject{CommonName: "ca"},
		ValidCertSubjects: []CertSubject{{Country: []string{"DE"}, Organization: []string{"a", "b"}}},
	}}
	want.Prometheus.Meters.GorouterTimeHistogramBuckets = []float64{1, 2.5, 1000}
	want.HTTPRewrite.Responses.AddHeadersIfNotPresent = []Header{{"X-Frame-Options", "DENY"}}
	want.HTTPRewrite.Responses.RemoveHeaders = []Header{{Name: "Server"}}
	want.EmptyPoolResponseCode503 = true
	want.PidFile = "/var/vcap/sys/run/gorouter/gorouter.pid"
	want.TokenFetcherExpirationBufferTime = 30
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestFileOf2013HasWholeSecondsAndABarePath(t *testing.T) {
	c, err := Parse("gorouter.yml", []byte("endpoint_timeout: 60\nprune_stale_droplets_interval: 0\naccess_log: /tmp/access.log\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.EndpointTimeout != time.Minute || c.PruneStaleDropletsInterval != 0 || c.AccessLog.File != "/tmp/access.log" {
		t.Errorf("got %v, %v, %q", c.EndpointTimeout, c.PruneStaleDropletsInterval, c.AccessLog.File)
	}
}

// Reference 1.8: a threshold below the start delay would prune what waits for the ports to open.
func TestStaleThresholdIsRaisedToTheStartDelay(t *testing.T) {
	c, err := Parse("gorouter.yml", []byte("start_response_delay_interval: 5m\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.DropletStaleThreshold != 5*time.Minute {
		t.Errorf("got %v, want 5m", c.DropletStaleThreshold)
	}
}

func TestAnchorsAndMergesAreFollowed(t *testing.T) {
	c, err := Parse("devrouter.yml", []byte(`
backends: &pair {cert_chain: &chain chain, private_key: key}
route_services:
  <<: [*pair]
  private_key: own
tls_pem: [*pair]
client_ca_certs: *chain
`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.RouteServices.KeyPair, (KeyPair{"chain", "own"}); got != want {
		t.Errorf("merged: got %v, want %v", got, want)
	}
	if got, want := c.TLSPEM[0], (KeyPair{"chain", "key"}); got != want {
		t.Errorf("aliased: got %v, want %v", got, want)
	}
	if c.ClientCACerts != "chain" {
		t.Errorf("scalar: got %q, want chain", c.ClientCACerts)
	}
}

// Each file is a configuration, a line of dashes, and its exact problems.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "problems", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// A checkout on Windows may have other line ends.
			text := strings.ReplaceAll(string(content), "\r\n", "\n")
			input, want, found := strings.Cut(text, "\n-----\n")
			if !found {
				t.Fatalf("%s has no line of dashes", file)
			}
			input += "\n"
			_, err = Parse("devrouter.yml", []byte(input))
			var got string
			if list, ok := errors.AsType[problem.List](err); ok {
				got = list.Error() + "\n"
			}
			if *update {
				if err := os.WriteFile(file, []byte(input+"-----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// What cannot stand in a text file of this repository.
func TestProblemsOfBytes(t *testing.T) {
	tests := []struct {
		name, content, want string
	}{
		{"invalid UTF-8", "port: 1\nzone: \"ü\xff\"\n", "f:2:9: the byte 0xff is not UTF-8; save the file as UTF-8"},
		{"UTF-16", "\xff\xfep\x00o\x00", "f:1:1: the byte 0xff is not UTF-8; save the file as UTF-8"},
		{"NUL", "port: \x001\n", "f:1:7: the character U+0000 has no place in YAML; save the file as plain text"},
		{"too large", strings.Repeat("# a comment\n", maxFileBytes/12+1), "f: the file is larger than 1 MiB; is this the right file?"},
		{"carriage returns", "port: 8081\r\nprot: 1\r\n", `f:2:1: unknown key "prot"; did you mean "port"?`},
		{"byte order mark", "\uFEFFprot: 1\n", `f:1:1: unknown key "prot"; did you mean "port"?`},
		{"long key", strings.Repeat("p", 100_000) + "ort: 1\n", `f:1:1: mapping values are not allowed in this context; check the indentation, and quote a value that holds a colon and a space`},
		{"long value", "port: " + strings.Repeat("8", 100_000) + "\n", `f:1:7: port: "` + strings.Repeat("8", 60) + `…" is out of range, it is from 0 to 65535; a port is a whole number from 0 to 65535`},
		{"tagged", "zone: !!binary aGk=\n", `f:1:7: zone: "aGk=" is not text`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.content))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestProblemShowsItsSourceLine(t *testing.T) {
	_, err := Parse("f", []byte("status:\n  prot: 1\n"))
	list, ok := errors.AsType[problem.List](err)
	if !ok || len(list) != 1 {
		t.Fatalf("got %v, want one problem", err)
	}
	if got, want := list[0].Excerpt(), "    2 |   prot: 1\n      |   ^"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, "key_%d: 1\n", i)
	}
	_, err := Parse("f", []byte(b.String()))
	list, ok := errors.AsType[problem.List](err)
	if !ok || len(list) != maxProblems+1 {
		t.Fatalf("got %d problems, want %d and a count of the rest", len(list), maxProblems)
	}
	if got, want := list[maxProblems].Error(), "f: 49900 more problems are not listed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPanicOfTheYAMLReaderIsAnError(t *testing.T) {
	var document yaml.Node
	err := next(yaml.NewDecoder(panicking{}), &document)
	if err == nil || !strings.Contains(err.Error(), "cannot make sense of the file: boom") {
		t.Errorf("got %v", err)
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("boom") }

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yml", "testdata/problems/*.txt"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? {a: b}\n: - !!int x\n<<: *y"))
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := Parse("f", content)
		if err == nil {
			return
		}
		list, ok := err.(problem.List)
		if !ok || len(list) == 0 {
			t.Fatalf("Parse(%q): got %#v, want nil or problems", content, err)
		}
		for _, p := range list {
			if p.File != "f" || p.Message == "" || p.Line < 0 || p.Excerpt() == "" && p.Source != "" {
				t.Errorf("Parse(%q): got the problem %+v", content, p)
			}
		}
	})
}
