package appliance_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/config"
	"devrouter/router/testca"
	"devrouter/router/testlog"
	"devrouter/router/testport"
)

// keyPair is a certificate and its key as configurations hold them.
func keyPair(t *testing.T, cert tls.Certificate) (p config.KeyPair) {
	t.Helper()
	p.CertChain, p.PrivateKey = testca.PEM(t, cert)
	return p
}

// enableTLS configures the HTTPS port with a certificate for *.localhost.
func enableTLS(c *config.Config, server config.KeyPair) {
	c.EnableSSL, c.SSLPort, c.ClientCertValidation = true, 0, "none"
	c.TLSPEM = []config.KeyPair{server}
}

// getTLS requests a URL, whose host need not be known, from an address.
func getTLS(t *testing.T, addr, url string, c *tls.Config) (*http.Response, string, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host, r.URL.Host = r.URL.Host, addr
	res, err := transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

func forwarded(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %s", r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Client-Cert"))
}

// Rows 78, 89, 91 and 92 by their keys.
func TestHTTPSWithClientCertificates(t *testing.T) {
	ca := testca.New(t, "ca")
	server := keyPair(t, ca.Issue("*.localhost"))
	allowed := ca.IssueTo(pkix.Name{CommonName: "allowed", Organization: []string{"org"}})
	stranger := ca.IssueTo(pkix.Name{CommonName: "stranger"})
	a := appliancetest.Start(t, "apps: {web: "+app(t, forwarded)+"}\n", func(o *appliance.Options) {
		c := &o.Config
		enableTLS(c, server)
		c.ClientCertValidation, c.ClientCACerts, c.OnlyTrustClientCACerts = "request", ca.PEM, true
		c.EnableVerifyClientCertificateMetadata = true
		c.VerifyClientCertificateMetadata = []config.CertificateRule{{
			IssuerInChain:     config.CertSubject{CommonName: "ca"},
			ValidCertSubjects: []config.CertSubject{{CommonName: "allowed", Organization: []string{"org"}}},
		}}
		c.ForwardedClientCert = "sanitize_set"
		c.CipherSuites = "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
	})
	a.Routed("http://web.localhost/", "http 127.0.0.1 ")
	if !strings.HasPrefix(a.URLs().Secure, "https://localhost:") || !strings.HasPrefix(a.URLs().Page, "http://") {
		t.Errorf("got the URLs %+v", a.URLs())
	}
	addr := strings.TrimPrefix(a.URLs().Secure, "https://")
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		want string // "" is a refused handshake
	}{
		{"none", nil, "https 127.0.0.1 "},
		{"allowed", &allowed, "https 127.0.0.1 " + base64.StdEncoding.EncodeToString(allowed.Leaf.Raw)},
		{"stranger", &stranger, ""},
	} {
		c := &tls.Config{RootCAs: ca.Pool, ServerName: "web.localhost"}
		if tt.cert != nil {
			c.Certificates = []tls.Certificate{*tt.cert}
		}
		res, body, err := getTLS(t, addr, "https://web.localhost/", c)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: got %q", tt.name, body)
			}
			continue
		}
		if err != nil || body != tt.want || res.ProtoMajor != 2 {
			t.Errorf("%s: got %q, %v, want %q", tt.name, body, err, tt.want)
		}
	}
}

func TestHTTPSAlone(t *testing.T) {
	ca := testca.New(t, "ca")
	var terminal testlog.Buffer
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", func(o *appliance.Options) {
		enableTLS(&o.Config, keyPair(t, ca.Issue("*.localhost")))
		o.Config.DisableHTTP, o.Config.EnableHTTP2 = true, false
		o.Terminal = &terminal
	})
	urls := a.URLs()
	if urls.Router != urls.Secure || !strings.HasPrefix(urls.Page, "https://"+appliance.PageHost+":") {
		t.Errorf("got the URLs %+v", urls)
	}
	a.Eventually("the banner", func() bool { return strings.Contains(terminal.String(), "Ctrl-C stops.") })
	if text := terminal.String(); !strings.Contains(text, "routes  https://localhost:") || strings.Contains(text, "http://localhost:") || strings.Count(text, "https://localhost:") != 1 {
		t.Errorf("the banner:\n%s", text)
	}
	c := &tls.Config{RootCAs: ca.Pool, ServerName: "web.localhost"}
	addr := strings.TrimPrefix(urls.Secure, "https://")
	a.Eventually("the route", func() bool {
		res, body, err := getTLS(t, addr, "https://web.localhost/", c)
		return err == nil && body == "web" && res.ProtoMajor == 1
	})
	if res, _, err := getTLS(t, addr, urls.Page, c); err != nil || res.StatusCode != 200 {
		t.Errorf("the page: got %v, %v", res, err)
	}
	if state := a.Get(urls.Admin + "/api/state").Text; !strings.Contains(state, `"https://web.localhost:`) {
		t.Errorf("no https link in %s", state)
	}
	// Both loopbacks, as in the clear.
	_, port, _ := net.SplitHostPort(addr)
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			continue // no IPv6 here
		}
		l.Close()
		if _, _, err := getTLS(t, net.JoinHostPort(host, port), "https://web.localhost/", c); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// Row 93 by its key; what comes by both ports is recorded with that address.
func TestProxyProtocolKey(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+app(t, forwarded)+"}\n", func(o *appliance.Options) { o.Config.EnablePROXY = true })
	a.Routed("http://web.localhost/", "http 127.0.0.1 ")
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.URLs().Router, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "PROXY TCP4 192.0.2.7 192.0.2.1 5678 80\r\nGET / HTTP/1.1\r\nHost: web.localhost\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "http 192.0.2.7 " {
		t.Errorf("got %q", body)
	}
}

// Reference 8.1.
func TestHealthOverTLS(t *testing.T) {
	ca := testca.New(t, "ca")
	server := keyPair(t, ca.Issue("health.test"))
	port := testport.Free(t)
	a := appliancetest.Start(t, "apps: {}\n", func(o *appliance.Options) {
		o.Config.Status.TLS = config.StatusTLS{Port: uint16(port), Certificate: server.CertChain, Key: server.PrivateKey}
		o.Config.Status.EnableNonTLSHealthChecks = false
	})
	c := &tls.Config{RootCAs: ca.Pool, ServerName: "health.test"}
	for path, want := range map[string]string{
		"/health": "200 ok\n", "/is-process-alive-do-not-use-for-loadbalancing": "200 ok\n", "/routes": "404 404 page not found\n", "/": "404 404 page not found\n",
	} {
		res, body, err := getTLS(t, fmt.Sprintf("127.0.0.1:%d", port), "https://health.test"+path, c)
		if err != nil || fmt.Sprint(res.StatusCode, " ", body) != want || res.ProtoMajor != 2 {
			t.Errorf("%s: got %v %q, %v", path, res, body, err)
		}
	}
	for path, want := range map[string]int{"/health": 404, "/healthz": 404, "/routes": 200, "/varz": 200} {
		if got := a.Get(a.URLs().Admin + path).StatusCode; got != want {
			t.Errorf("%s without TLS: got %d, want %d", path, got, want)
		}
	}
}

// Each mistake is told before anything runs, and names its key.
func TestBadTLSConfigurationIsOneError(t *testing.T) {
	ca := testca.New(t, "ca")
	server, other := keyPair(t, ca.Issue("*.localhost")), keyPair(t, ca.Issue("x.test"))
	for _, tt := range []struct {
		want string
		set  func(*config.Config)
	}{
		{"neither http nor https listener is enabled", func(c *config.Config) { c.EnableSSL, c.DisableHTTP = false, true }},
		{"router.tls_pem must be provided if router.enable_ssl is set to true", func(c *config.Config) { c.TLSPEM = nil }},
		{"tls_pem[1]: tls: failed to find any PEM data in certificate input", func(c *config.Config) {
			c.TLSPEM = append(c.TLSPEM, config.KeyPair{CertChain: "/a/path", PrivateKey: other.PrivateKey})
		}},
		{"tls_pem[0]: tls: private key does not match public key", func(c *config.Config) { c.TLSPEM[0].PrivateKey = other.PrivateKey }},
		{"router.client_cert_validation must be one of 'none', 'request' or 'require'.", func(c *config.Config) { c.ClientCertValidation = "" }},
		{"min_tls_version TLSv1.3 is above max_tls_version TLSv1.2", func(c *config.Config) { c.MinTLSVersion, c.MaxTLSVersion = "TLSv1.3", "TLSv1.2" }},
		{`cipher_suites: unknown cipher suite "FAST"`, func(c *config.Config) { c.CipherSuites = "ECDHE-RSA-AES128-GCM-SHA256:FAST" }},
		{"router.client_ca_certs cannot be empty if", func(c *config.Config) { c.ClientCertValidation, c.OnlyTrustClientCACerts = "require", true }},
		{"client_ca_certs: holds no certificate in PEM form", func(c *config.Config) { c.ClientCertValidation, c.ClientCACerts = "request", "junk" }},
		{"client_ca_certs: holds a PRIVATE KEY where only certificates may be", func(c *config.Config) { c.ClientCertValidation, c.ClientCACerts = "request", other.PrivateKey }},
		{`verify_client_certificate_metadata[0]: no certificate of client_ca_certs has the subject "CN=ca2"`, func(c *config.Config) {
			c.ClientCertValidation, c.ClientCACerts, c.EnableVerifyClientCertificateMetadata = "request", ca.PEM, true
			c.VerifyClientCertificateMetadata = []config.CertificateRule{{IssuerInChain: config.CertSubject{CommonName: "ca2"}}}
		}},
		{"status.tls: tls: failed to find any PEM data in key input", func(c *config.Config) {
			c.Status.TLS = config.StatusTLS{Port: 8443, Certificate: server.CertChain, Key: "junk"}
		}},
		{"ssl_port and status.tls.port are both 8443", func(c *config.Config) {
			c.SSLPort, c.Status.TLS = 8443, config.StatusTLS{Port: 8443, Certificate: server.CertChain, Key: server.PrivateKey}
		}},
		{"Neither TLS nor non-TLS health endpoints are enabled. Refusing to start gorouter.", func(c *config.Config) { c.Status.EnableNonTLSHealthChecks = false }},
	} {
		c := config.Default()
		c.Port, c.Status.Port, c.NATS.Embedded.Port, c.RoutesFile = 0, 0, 0, ""
		enableTLS(&c, server)
		tt.set(&c)
		a, err := appliance.New(appliance.Options{Config: c})
		if err == nil {
			a.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

// Reference 8.7, and the page stays up to show it.
func TestDrainEndsTheAppliance(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", func(o *appliance.Options) { o.Config.DrainWait = time.Second })
	a.Routed("http://web.localhost/", "web")
	a.Drain()
	a.Drain()
	a.Status(a.URLs().Admin+"/health", 503)
	if got := a.Get("http://web.localhost/").Text; got != "web" {
		t.Errorf("in the wait: got %q", got)
	}
	a.Eventually("the end", func() bool { return strings.Contains(a.Log.String(), "msg=gorouter.exited") })
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
}
