package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// Reference 6.4, row 78, and with a Connection header the filter of row 79.
func TestForwardedClientCert(t *testing.T) {
	var (
		plain    *tls.ConnectionState
		overTLS  = &tls.ConnectionState{}
		withCert = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("client's DER \xff")}, {Raw: []byte("its authority")}}}
	)
	const sent, own = "from the client", "Y2xpZW50J3MgREVSIP8="
	filter := []string{"x-forwarded-client-cert"}
	for _, tt := range []struct {
		name       string
		mode       ClientCert
		conn       *tls.ConnectionState
		sent       string
		connection string // names it as hop by hop
		filter     []string
		want       string // "" for none
	}{
		{"always", AlwaysForwardClientCert, plain, sent, "", nil, sent},
		{"always", AlwaysForwardClientCert, overTLS, sent, "", nil, sent},
		{"always", AlwaysForwardClientCert, withCert, sent, "", nil, sent},
		{"always, none sent", AlwaysForwardClientCert, withCert, "", "", nil, ""},
		{"always, hop by hop", AlwaysForwardClientCert, plain, sent, headerClientCert, nil, ""},
		{"always, filtered", AlwaysForwardClientCert, plain, sent, headerClientCert, filter, sent},

		{"forward", ForwardClientCert, plain, sent, "", nil, ""},
		{"forward", ForwardClientCert, overTLS, sent, "", nil, ""},
		{"forward", ForwardClientCert, withCert, sent, "", nil, sent},
		{"forward, none sent", ForwardClientCert, withCert, "", "", nil, ""},
		{"forward, hop by hop", ForwardClientCert, withCert, sent, headerClientCert, nil, ""},
		{"forward, filtered", ForwardClientCert, withCert, sent, headerClientCert, filter, sent},
		{"forward, filtered", ForwardClientCert, plain, sent, headerClientCert, filter, ""},

		{"set", SetClientCert, plain, sent, "", nil, ""},
		{"set", SetClientCert, overTLS, sent, "", nil, ""},
		{"set", SetClientCert, withCert, sent, "", nil, own},
		{"set, none sent", SetClientCert, withCert, "", "", nil, own},
		{"set, hop by hop", SetClientCert, withCert, sent, headerClientCert, nil, own},
		{"set, filtered", SetClientCert, plain, sent, headerClientCert, filter, ""},
	} {
		h := http.Header{}
		if tt.sent != "" {
			h[headerClientCert] = []string{tt.sent}
		}
		if tt.connection != "" {
			h["Connection"] = []string{"close, " + tt.connection}
		}
		r, o := &http.Request{URL: new(url.URL), Header: h}, new(outgoing)
		head := o.look(r)
		h = o.begin(r, &head, tt.filter).Header
		tt.mode.apply(h, tt.conn)
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if got := h[headerClientCert]; !slices.Equal(got, want) {
			t.Errorf("%s, TLS %v: got %q, want %q", tt.name, tt.conn != plain, got, want)
		}
	}
}

// Reference 6.4, below the table.
func TestForwardedClientCertOfAReturningRequest(t *testing.T) {
	overTLS := new(tls.ConnectionState)
	for _, tt := range []struct {
		mode ClientCert
		conn *tls.ConnectionState
		kept bool
	}{
		{AlwaysForwardClientCert, nil, true},
		{AlwaysForwardClientCert, overTLS, true},
		{ForwardClientCert, nil, false},
		{ForwardClientCert, overTLS, false},
		{SetClientCert, nil, false},
		{SetClientCert, overTLS, true},
	} {
		h := http.Header{headerClientCert: {"the client's"}}
		tt.mode.applyReturning(h, tt.conn)
		if kept := h.Get(headerClientCert) == "the client's"; kept != tt.kept {
			t.Errorf("mode %d, over TLS %v: kept %v, want %v", tt.mode, tt.conn != nil, kept, tt.kept)
		}
	}
}
