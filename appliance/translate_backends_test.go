package appliance

import (
	"strings"
	"testing"
	"time"

	"devrouter/config"
	"devrouter/router/proxy"
)

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
