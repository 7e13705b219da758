package appliance

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"devrouter/config"
	"devrouter/router/proxy"
)

func TestEndpointCipherSuites(t *testing.T) {
	for _, tt := range []struct {
		list string
		want []uint16
		err  string
	}{
		{list: ""},
		{list: "ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", // the default of its BOSH job
			want: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}},
		{list: "ECDHE-ECDSA-CHACHA20-POLY1305: AES128-SHA:DES-CBC3-SHA:ECDHE-RSA-AES128-SHA256",
			want: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
				tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256}},
		{list: "TLS_AES_128_GCM_SHA256:ECDHE-RSA-RC4-SHA", want: []uint16{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}},
		{list: "ECDHE-RSA-AES128-GCM-SHA257", err: `"ECDHE-RSA-AES128-GCM-SHA257" is no cipher suite`},
	} {
		got, err := endpointCipherSuites(tt.list)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%q: got error %v, want %q", tt.list, err, tt.err)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %x, want %x", tt.list, got, tt.want)
		}
	}
}

func TestBackendOptions(t *testing.T) {
	c := config.Default()
	o, err := routerOptions(&c)
	if err != nil {
		t.Fatal(err)
	}
	if o.Transport.HeadTimeout != 900*time.Second || o.Transport.HandshakeTimeout != 10*time.Second || o.Proxy.KeepAliveContinue || o.DisableHTTP2 {
		t.Errorf("defaults: got %+v", o.Transport)
	}
	c.HTTP1EndpointTimeout, c.HTTP2EndpointTimeout, c.EnableHTTP2 = 1, 2, false
	c.MaxHeaderBytes, c.MaxRequestHeaders, c.MaxResponseHeaders, c.MaxResponseHeaderBytes = 3000, 4, 5, 6
	c.KeepAlive100ContinueRequests = true
	if o, err = routerOptions(&c); err != nil {
		t.Fatal(err)
	}
	if want := (proxy.Limits{RequestHeaderBytes: 3000, RequestHeaders: 4, ResponseHeaders: 5}); o.Proxy.Limits != want {
		t.Errorf("limits: got %+v, want %+v", o.Proxy.Limits, want)
	}
	if x := o.Transport; x.HTTP1HeadTimeout != 1 || x.HTTP2HeadTimeout != 2 || x.MaxHeadBytes != 6 || !o.DisableHTTP2 || !o.Proxy.KeepAliveContinue {
		t.Errorf("got %+v", x)
	}
	c.MaxRequestHeaderBytes = 2000 // the newer name of max_header_bytes
	if got := headLimits(&c).RequestHeaderBytes; got != 2000 {
		t.Errorf("max_request_header_bytes: got %d", got)
	}
}

func TestBadBackendCertificateIsAnError(t *testing.T) {
	c := config.Default()
	c.Backends.CertChain = "junk"
	if _, err := routerOptions(&c); err == nil || !strings.Contains(err.Error(), "backends.cert_chain and backends.private_key") {
		t.Errorf("got %v", err)
	}
}
