package appliance_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/config"
	"devrouter/router/testca"
)

// Faults 121, 124 and 126: the paths that are gorouter's are as guarded as the page.
func TestAdminPathsCheckTheHost(t *testing.T) {
	a := appliancetest.Start(t, "", func(o *appliance.Options) {
		o.Config.RoutesFile = ""
		o.Config.Status.User, o.Config.Status.Pass = "admin", "sesame"
		o.Config.Prometheus.Enabled = true
		o.Config.DebugAddr = "127.0.0.1:0"
	})
	urls := a.URLs()
	for _, url := range []string{
		urls.Admin + "/routes", urls.Admin + "/varz", urls.Admin + "/config", urls.Admin + "/metrics", urls.Admin + "/health", urls.Admin + "/healthz",
		urls.Admin + "/is-process-alive-do-not-use-for-loadbalancing", urls.Metrics + "/metrics", urls.Debug + "/debug/pprof/",
	} {
		r := a.Request("GET", url, nil, "Origin: http://evil.test")
		r.SetBasicAuth("admin", "sesame")
		res := a.Do(r)
		if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != "" ||
			res.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %d %v", url, res.StatusCode, res.Header)
		}
		r.Host = "evil.test"
		if res := a.Do(r); res.StatusCode != 421 || strings.Contains(res.Text, "sesame") {
			t.Errorf("%s by another name: got %d %s", url, res.StatusCode, res.Text)
		}
	}
}

// Rows 104 and 131, faults 126 and 127.
func TestConfigIsBehindTheSamePasswordAsVarz(t *testing.T) {
	a := appliancetest.Start(t, "", func(o *appliance.Options) {
		o.Config.RoutesFile = ""
		o.Config.Status.User, o.Config.Status.Pass = "admin", "sesame"
		o.Config.RouteServicesSecret = "open"
	})
	for _, path := range []string{"/config", "/varz", "/routes"} {
		for _, pass := range []string{"", "Sesame", "sesame "} {
			r := a.Request("GET", a.URLs().Admin+path, nil)
			r.SetBasicAuth("admin", pass)
			if res := a.Do(r); res.StatusCode != 401 || res.Text != "401 Unauthorized\n" || res.Header.Get("WWW-Authenticate") != "Basic" {
				t.Errorf("%s with %q: got %d %q", path, pass, res.StatusCode, res.Text)
			}
		}
	}
	r := a.Request("GET", a.URLs().Admin+"/config", nil)
	r.SetBasicAuth("admin", "sesame")
	res := a.Do(r)
	if res.Header.Get("Content-Type") != "application/yaml; charset=utf-8" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %v", res.Header)
	}
	if strings.Contains(res.Text, "sesame") || strings.Contains(res.Text, "open\n") {
		t.Errorf("a secret is shown:\n%s", res.Text)
	}
	c, err := config.Parse("shown", []byte(res.Text))
	if err != nil || c.Status.User != "admin" || c.Status.Pass != "***" || c.DropletStaleThreshold != 120*time.Second {
		t.Errorf("got %v and %+v\n%s", err, c, res.Text)
	}
}

// Row 109.
func TestMetricsAreOnTheAdminPortAndOnTheirOwn(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", func(o *appliance.Options) {
		o.Config.Prometheus.Enabled = true
		o.Config.Prometheus.Meters.RoutingResponseLatencyHistogramBuckets = []float64{7}
		o.Config.PerAppPrometheusHTTPMetricsReporting = true
	})
	a.Routed("http://web.localhost/", "web")
	for _, url := range []string{a.URLs().Admin, a.URLs().Metrics} {
		var text string
		a.Eventually("the metrics of "+url, func() bool { // a request is recorded once its reply is out
			text = a.Get(url + "/metrics").Text
			return strings.Contains(text, `total_requests{component="web"} `)
		})
		for _, want := range []string{"total_routes 1\n", `latency_bucket{component="web",le="7"} `, `http_latency_seconds_count{source_id="gorouter"} `} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", url, want, text)
			}
		}
		if strings.Contains(text, "\ngo_") || strings.Contains(text, "\nprocess_") {
			t.Errorf("%s: metrics of Go or of the process", url)
		}
	}
	if res := a.Get(a.URLs().Metrics + "/routes"); res.StatusCode != 404 {
		t.Errorf("another path on the metrics port: got %d", res.StatusCode)
	}
}

func TestBucketsThatDoNotRiseAreAnError(t *testing.T) {
	c := config.Default()
	c.Port, c.Status.Port, c.NATS.Embedded.Port, c.RoutesFile = 0, 0, 0, ""
	c.Prometheus.Meters.GorouterTimeHistogramBuckets = []float64{1, 1}
	a, err := appliance.New(appliance.Options{Config: c})
	if err == nil {
		a.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "prometheus.meters.gorouter_time_histogram_buckets: 1 does not come before 1") {
		t.Errorf("got %v", err)
	}
}

// Row 109: with a certificate the port speaks TLS, and wants one.
func TestMetricsOverMutualTLS(t *testing.T) {
	ca := testca.New(t, "ca")
	chain, key := testca.PEM(t, ca.Issue("127.0.0.1"))
	a := appliancetest.Start(t, "", func(o *appliance.Options) {
		o.Config.RoutesFile = ""
		o.Config.Prometheus = config.Prometheus{
			Enabled: true, CertPath: testca.File(t, chain), KeyPath: testca.File(t, key), CAPath: testca.File(t, ca.PEM),
		}
	})
	client := func(certificates ...tls.Certificate) (*http.Response, error) {
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: ca.Pool, Certificates: certificates}}
		return (&http.Client{Transport: transport}).Get(a.URLs().Metrics + "/metrics")
	}
	if !strings.HasPrefix(a.URLs().Metrics, "https://127.0.0.1:") {
		t.Fatalf("got %s", a.URLs().Metrics)
	}
	if res, err := client(); err == nil {
		res.Body.Close()
		t.Error("no certificate was asked for")
	}
	res, err := client(ca.Issue("client.test"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != 200 || !strings.Contains(string(text), "total_routes 0\n") {
		t.Errorf("got %d %s", res.StatusCode, text)
	}
}

// Row 111, fault 133.
func TestDebugAddrChangesTheRunningLevel(t *testing.T) {
	level := new(slog.LevelVar)
	a := appliancetest.Start(t, "", func(o *appliance.Options) {
		o.Config.RoutesFile = ""
		o.Config.DebugAddr = "127.0.0.1:0"
		o.LogLevel = level
	})
	res := a.Do(a.Request("PUT", a.URLs().Debug+"/log-level", strings.NewReader("debug")))
	if res.StatusCode != 200 || level.Level() != slog.LevelDebug {
		t.Errorf("got %d %s and the level %s", res.StatusCode, res.Text, level.Level())
	}
	if res := a.Get(a.URLs().Debug + "/debug/pprof/cmdline"); res.StatusCode != 200 {
		t.Errorf("pprof: got %d", res.StatusCode)
	}
	if strings.Contains(a.Log.String(), "debug_addr is open to the network") {
		t.Error("loopback is called the network")
	}
}

func TestProfilesAreOffByDefault(t *testing.T) {
	a := appliancetest.Start(t, "apps: {}\n", nil)
	if urls := a.URLs(); urls.Debug != "" || urls.Metrics != "" {
		t.Errorf("got %+v", urls)
	}
	if res := a.Get(a.URLs().Admin + "/debug/pprof/"); res.StatusCode != 404 {
		t.Errorf("got %d", res.StatusCode)
	}
}

// Rows 107 and 125.
func TestComponentAndActiveAppsAreConfigured(t *testing.T) {
	a := appliancetest.Start(t, "", func(o *appliance.Options) {
		o.Config.RoutesFile = ""
		o.Config.Status.EnableDeprecatedVarzHealthzEndpoints = true
		o.Config.PublishActiveAppsInterval = 10 * time.Millisecond
	})
	c := a.NATS()
	m, err := c.Request("vcap.component.discover", nil, 20*time.Second)
	if err != nil || !strings.Contains(string(m.Data), `"host":"`+strings.TrimPrefix(a.URLs().Admin, "http://")+`"`) {
		t.Errorf("got %v, %v", m, err)
	}
	sub, err := c.SubscribeSync("router.active_apps")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sub.NextMsg(20 * time.Second); err != nil {
		t.Error(err)
	}
}

// Rows 120 and 130.
func TestErrorTemplateOfTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "error.html")
	if err := os.WriteFile(file, []byte("<p>{{.Status}} {{.Message}}</p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := appliancetest.Start(t, "apps: {down: 1}\n", func(o *appliance.Options) {
		o.Config.HTMLErrorTemplateFile = file
		o.Config.HTMLErrorTemplateAll = true
	})
	a.Status("http://down.localhost/", 502)
	for host, want := range map[string]string{
		"down": "<p>502 Registered endpoint failed to handle the request.</p>",
		"none": "<p>404 Requested route (&#39;none.localhost&#39;) does not exist.</p>",
	} {
		if res := a.Get("http://" + host + ".localhost/"); res.Text != want {
			t.Errorf("%s: got %d %s", host, res.StatusCode, res.Text)
		}
	}
}

// Faults 117 and 127: what others may reach, or read for want of a password, is
// said at the start.
func TestOpenPortsAndEmptyPasswordsAreWarnedOf(t *testing.T) {
	for _, open := range []bool{false, true} {
		t.Run(fmt.Sprintf("open %t", open), func(t *testing.T) {
			a := appliancetest.Start(t, "", func(o *appliance.Options) {
				o.Config.RoutesFile = ""
				o.Config.DebugAddr, o.Config.Status.User, o.Config.Status.Pass = "127.0.0.1:0", "admin", "sesame"
				if open {
					o.Config.DebugAddr, o.Config.Status.Pass = "0.0.0.0:0", ""
					o.Config.Status.Host, o.Config.NATS.Embedded.Host = "0.0.0.0", "0.0.0.0"
				}
			})
			for _, warning := range []string{
				"the page is open to the network and asks for no password", "the port of NATS is open to the network and asks for no password",
				"debug_addr is open to the network and asks for no password", "status.pass is empty",
			} {
				if log := a.Log.String(); strings.Contains(log, warning) != open {
					t.Errorf("%q in the log:\n%s", warning, log)
				}
			}
		})
	}
}
