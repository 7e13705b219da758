package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"time"

	"devrouter/router/route"
	"devrouter/router/testca"
)

var quiet = log.New(io.Discard, "", 0)

// wants returns the TLS of a server that wants a client certificate.
func wants(cert tls.Certificate, auth tls.ClientAuthType, pool *x509.CertPool, maxVersion uint16) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: auth, ClientCAs: pool, MaxVersion: maxVersion}
}

// Reference 3.4 and 11.4: what a TLS endpoint gets, and what its client gets when
// that fails.
func TestTLSEndpoint(t *testing.T) {
	ours, theirs := testca.New(t, "ours"), testca.New(t, "theirs")
	shown := ours.Issue("router.test")
	named := ours.Issue("instance-1")
	answers := func(c *tls.Config) *route.Endpoint {
		e := secureBackend(t, c, says("secure"))
		e.ServerCertDomainSAN = "instance-1"
		return e
	}
	serves := func(cert tls.Certificate) *route.Endpoint {
		return answers(&tls.Config{Certificates: []tls.Certificate{cert}})
	}
	byHost := func(e *route.Endpoint) *route.Endpoint { e.ServerCertDomainSAN = ""; return e }
	overTLS := func(e *route.Endpoint) *route.Endpoint { e.TLS = true; return e }
	refusesAny := wants(named, tls.RequireAnyClientCert, nil, 0)
	refusesAny.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return errors.New("not you") }

	for _, tt := range []struct {
		name   string
		e      *route.Endpoint
		cert   []tls.Certificate
		suites []uint16
		status int
		body   string
		stays  bool
	}{
		{name: "right name", e: serves(named), status: 200, body: "secure", stays: true},
		{name: "no name is the host's", e: byHost(serves(ours.Issue("127.0.0.1"))), status: 200, body: "secure", stays: true},
		{name: "no name and not the host's", e: byHost(serves(named)), status: 503, body: "503 Service Unavailable\n"},
		{name: "wrong name", e: serves(ours.Issue("instance-2")), status: 503, body: "503 Service Unavailable\n"},
		{name: "unknown authority", e: serves(theirs.Issue("instance-1")), status: 526, body: "526 Invalid SSL Certificate\n"},
		{name: "expired", e: serves(ours.IssueFrom(time.Now().Add(-3*time.Hour), "instance-1")), status: 526, body: "526 Invalid SSL Certificate\n"},
		{name: "not yet valid", e: serves(ours.IssueFrom(time.Now().Add(time.Hour), "instance-1")), status: 526, body: "526 Invalid SSL Certificate\n"},
		{name: "no TLS there", e: overTLS(backend(t, "", says("plain"))), status: 525, body: "525 SSL Handshake Failed\n"},
		{name: "no suite in common", suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
			e: answers(&tls.Config{Certificates: []tls.Certificate{named}, MaxVersion: tls.VersionTLS12,
				CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}), status: 525, body: "525 SSL Handshake Failed\n"},
		{name: "a suite in common", suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
			e:      answers(&tls.Config{Certificates: []tls.Certificate{named}, MaxVersion: tls.VersionTLS12}),
			status: 200, body: "secure", stays: true},
		{name: "our certificate", cert: []tls.Certificate{shown}, e: answers(wants(named, tls.RequireAndVerifyClientCert, ours.Pool, 0)),
			status: 200, body: "secure", stays: true},
		{name: "our certificate in TLS 1.2", cert: []tls.Certificate{shown},
			e: answers(wants(named, tls.RequireAndVerifyClientCert, ours.Pool, tls.VersionTLS12)), status: 200, body: "secure", stays: true},
		{name: "none to show", e: answers(wants(named, tls.RequireAndVerifyClientCert, ours.Pool, 0)), status: 496, body: "496 SSL Certificate Required\n"},
		{name: "none that they know", cert: []tls.Certificate{shown}, e: answers(wants(named, tls.RequireAndVerifyClientCert, theirs.Pool, 0)),
			status: 496, body: "496 SSL Certificate Required\n"},
		{name: "one that they refuse", cert: []tls.Certificate{shown}, e: answers(refusesAny), status: 496, body: "496 SSL Certificate Required\n"},
		{name: "none to show in TLS 1.2", e: answers(wants(named, tls.RequireAndVerifyClientCert, ours.Pool, tls.VersionTLS12)),
			status: 525, body: "525 SSL Handshake Failed\n"},
		{name: "nobody there", e: overTLS(dead(t)), status: 502, body: badGateway.text + "\n"},
		{name: "no end of the handshake", e: overTLS(rawBackend(t, func(c net.Conn) { io.Copy(io.Discard, c) })), status: 502, body: badGateway.text + "\n"},
		{name: "hangs up in the handshake", e: overTLS(rawBackend(t, func(c net.Conn) {})), status: 502, body: badGateway.text + "\n", stays: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := TransportOptions{RootCAs: ours.Pool, Certificates: tt.cert, CipherSuites: tt.suites}
			if tt.name == "no end of the handshake" { // the others take what time they need
				o.HandshakeTimeout = 100 * time.Millisecond
			}
			f := startWith(t, o, nil)
			f.register("app.test", tt.e)
			res := f.get("app.test", "/")
			if res.StatusCode != tt.status || res.body != tt.body {
				t.Errorf("got %d %q %v, want %d %q", res.StatusCode, res.body, res.Header, tt.status, tt.body)
			}
			if name := res.Header.Get("X-Cf-RouterError"); (tt.status == 200) == strings.HasPrefix(name, "endpoint_failure (") {
				t.Errorf("X-Cf-RouterError: got %q", name)
			}
			if stays := f.table.Lookup("app.test", "/") != nil; stays != tt.stays {
				t.Errorf("the endpoint is still there: got %v, want %v", stays, tt.stays)
			}
		})
	}
}

// The endpoint that fails leaves only the route that was asked for, and the
// request goes on to the next.
func TestFailedTLSEndpointIsReplaced(t *testing.T) {
	ours := testca.New(t, "ca")
	good := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{ours.Issue("127.0.0.1")}}, says("good"))
	bad := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{ours.Issue("other")}}, says("bad"))
	f := startWith(t, TransportOptions{RootCAs: ours.Pool}, nil)
	f.register("app.test", bad, good)
	f.register("other.test", bad)
	for range 4 {
		if res := f.get("app.test", "/"); res.body != "good" {
			t.Fatalf("got %d %q", res.StatusCode, res.body)
		}
	}
	if n := len(f.table.Lookup("app.test", "/").Instances()); n != 1 {
		t.Errorf("app.test has %d endpoints, want 1", n)
	}
	if f.table.Lookup("other.test", "/") == nil {
		t.Error("other.test lost its endpoint, for which nobody has asked")
	}
}
