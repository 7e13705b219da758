package appliance_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"devrouter/router/testca"
)

// contractPairs are the certificates of a case that speaks TLS to the router.
type contractPairs struct {
	authority                *testca.Authority // of server and client
	server, other            tls.Certificate   // for *.test and other.test
	client, colleague, alien tls.Certificate   // alien is of no authority that the router knows
}

func makeContractPairs(t *testing.T) contractPairs {
	org := []string{"org"}
	authority := testca.New(t, "authority")
	return contractPairs{
		authority: authority,
		server:    authority.Issue("*.test"),
		other:     authority.Issue("other.test"),
		client:    authority.IssueTo(pkix.Name{CommonName: "client", Organization: org}),
		colleague: authority.IssueTo(pkix.Name{CommonName: "colleague", Organization: org}),
		alien:     testca.New(t, "authority").IssueTo(pkix.Name{CommonName: "client", Organization: org}),
	}
}

// pairValue is the value of a variable that is a certificate or a key, quoted for YAML.
func (s *scene) pairValue(name string) (string, bool) {
	var cert, key string
	switch name {
	case "authority":
		return fmt.Sprintf("%q", s.pairs().authority.PEM), true
	case "servercert", "serverkey":
		cert, key = testca.PEM(s.t, s.pairs().server)
	case "othercert", "otherkey":
		cert, key = testca.PEM(s.t, s.pairs().other)
	case "clientcert", "clientkey":
		cert, key = testca.PEM(s.t, s.pairs().client)
	case "clientder":
		return base64.StdEncoding.EncodeToString(s.pairs().client.Certificate[0]), true
	default:
		return "", false
	}
	if strings.HasSuffix(name, "key") {
		cert = key
	}
	return fmt.Sprintf("%q", cert), true
}

// clientTLS is how a request `over` TLS is made: it believes $authority, asks for
// the name that `as` says, and shows the certificate that `with` names.
func (s *scene) clientTLS(request section) *tls.Config {
	pairs := s.pairs()
	c := &tls.Config{RootCAs: pairs.authority.Pool, ServerName: "app.test", MinVersion: tls.VersionTLS10}
	if name := request.word("as"); name != "" {
		c.ServerName = name
	}
	switch request.word("over") {
	case "tls", "h2":
	case "tls1.1":
		c.MaxVersion = tls.VersionTLS11
	case "tls1.2":
		c.MaxVersion = tls.VersionTLS12
	case "tls1.3":
		c.MinVersion = tls.VersionTLS13
	case "alpn": // one that nobody has
		c.NextProtos = []string{"unheard-of"}
	default:
		s.t.Fatalf("a request cannot go over %q", request.word("over"))
	}
	if cert, ok := map[string]*tls.Certificate{"client": &pairs.client, "colleague": &pairs.colleague, "alien": &pairs.alien}[request.word("with")]; ok {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return c
}
