package appliance_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"testing"
)

// contractPairs are the certificates of a case that speaks TLS to the router.
type contractPairs struct {
	authority                *pair // of server and client
	server, other            *pair // for *.test and other.test
	client, colleague, alien *pair // alien is of no authority that the router knows
}

func makeContractPairs(t *testing.T) contractPairs {
	org := []string{"org"}
	authority := makePair(t, pkix.Name{CommonName: "authority"}, nil)
	return contractPairs{
		authority: authority,
		server:    makePair(t, pkix.Name{}, authority, "*.test"),
		other:     makePair(t, pkix.Name{}, authority, "other.test"),
		client:    makePair(t, pkix.Name{CommonName: "client", Organization: org}, authority),
		colleague: makePair(t, pkix.Name{CommonName: "colleague", Organization: org}, authority),
		alien:     makePair(t, pkix.Name{CommonName: "client", Organization: org}, makePair(t, pkix.Name{CommonName: "authority"}, nil)),
	}
}

// pairValue is the value of a variable that is a certificate or a key, quoted for YAML.
func (s *scene) pairValue(name string) (string, bool) {
	switch name {
	case "authority":
		return fmt.Sprintf("%q", s.pairs().authority.cert), true
	case "servercert":
		return fmt.Sprintf("%q", s.pairs().server.cert), true
	case "serverkey":
		return fmt.Sprintf("%q", s.pairs().server.key), true
	case "othercert":
		return fmt.Sprintf("%q", s.pairs().other.cert), true
	case "otherkey":
		return fmt.Sprintf("%q", s.pairs().other.key), true
	case "clientcert":
		return fmt.Sprintf("%q", s.pairs().client.cert), true
	case "clientkey":
		return fmt.Sprintf("%q", s.pairs().client.key), true
	case "clientder":
		return base64.StdEncoding.EncodeToString(s.pairs().client.leaf.Raw), true
	}
	return "", false
}

// clientTLS is how a request `over` TLS is made: it believes $authority, asks for
// the name that `as` says, and shows the certificate that `with` names.
func (s *scene) clientTLS(request section) *tls.Config {
	pairs := s.pairs()
	c := &tls.Config{RootCAs: pairs.authority.trusted(), ServerName: "app.test", MinVersion: tls.VersionTLS10}
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
	if p := map[string]*pair{"client": pairs.client, "colleague": pairs.colleague, "alien": pairs.alien}[request.word("with")]; p != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{p.leaf.Raw}, PrivateKey: p.private}, nil
		}
	}
	return c
}
