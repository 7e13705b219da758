package router

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"strings"
)

// TLS is how the listeners of ListenTLS speak it (reference 11.4).
type TLS struct {
	// Certificates are chosen by the name that the client asks for: one that has
	// exactly that name, else one with a wildcard for it, else the first. There
	// must be one.
	Certificates []tls.Certificate
	// MinVersion and MaxVersion are TLS 1.2 and 1.3 when zero.
	MinVersion, MaxVersion uint16
	// CipherSuites are those of TLS 1.2 and below. Nil means the ones with forward
	// secrecy and authenticated encryption (fault 132).
	CipherSuites []uint16
	// ClientAuth is what is asked of clients' certificates, and ClientCAs who may
	// vouch for them.
	ClientAuth tls.ClientAuthType
	ClientCAs  *x509.CertPool
	// ClientRules narrow which of the valid client certificates are taken.
	ClientRules []ClientRule
	// DisableHTTP2 offers HTTP/1.1 only.
	DisableHTTP2 bool
}

// ClientRule says which subjects an authority may vouch for. It concerns the
// chains that the authority is in.
type ClientRule struct {
	Issuer   pkix.Name
	Subjects []pkix.Name
}

// modernSuites are the suites of TLS 1.2 with forward secrecy and authenticated
// encryption, which are those that HTTP/2 permits.
var modernSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func (o *TLS) config() *tls.Config {
	o.MinVersion = cmp.Or(o.MinVersion, tls.VersionTLS12)
	o.MaxVersion = cmp.Or(o.MaxVersion, tls.VersionTLS13)
	if o.CipherSuites == nil {
		o.CipherSuites = modernSuites
	}
	c := &tls.Config{
		MinVersion: o.MinVersion, MaxVersion: o.MaxVersion, CipherSuites: o.CipherSuites,
		ClientAuth: o.ClientAuth, ClientCAs: o.ClientCAs,
		Certificates:   o.Certificates,
		GetCertificate: newCertificates(o.Certificates).choose,
		NextProtos:     []string{"http/1.1"},
	}
	if o.offersHTTP2() {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	if len(o.ClientRules) > 0 {
		// Unlike VerifyPeerCertificate, this is asked for resumed sessions too.
		c.VerifyConnection = func(s tls.ConnectionState) error { return checkClientRules(o.ClientRules, s.VerifiedChains) }
	}
	return c
}

// offersHTTP2 says whether HTTP/2 is on and could be spoken: its clients break off
// where an older suite is agreed on (RFC 9113, 9.2.2).
func (o *TLS) offersHTTP2() bool {
	permitted := func(suite uint16) bool { return slices.Contains(modernSuites, suite) }
	return !o.DisableHTTP2 && (o.MaxVersion >= tls.VersionTLS13 || slices.ContainsFunc(o.CipherSuites, permitted))
}

// certificates are the certificates of each name, in lower case, in the order of
// the configuration: one name may have an RSA and an ECDSA certificate.
type certificates map[string][]*tls.Certificate

func newCertificates(list []tls.Certificate) certificates {
	byName := make(certificates)
	for i := range list {
		for _, name := range certificateNames(&list[i]) {
			name = strings.ToLower(name)
			byName[name] = append(byName[name], &list[i])
		}
	}
	return byName
}

// certificateNames are the names in a certificate. The common name counts only
// where there is no other.
func certificateNames(c *tls.Certificate) []string {
	leaf := c.Leaf
	if leaf == nil {
		return nil
	}
	if len(leaf.DNSNames) == 0 && leaf.Subject.CommonName != "" {
		return []string{leaf.Subject.CommonName}
	}
	return leaf.DNSNames
}

// choose returns the certificate for the name that a client asks for, or nil for
// the first of all.
func (c certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	found := c[name]
	if _, parent, ok := strings.Cut(name, "."); ok && found == nil {
		found = c["*."+parent]
	}
	for _, cert := range found {
		if hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	if len(found) > 0 {
		return found[0], nil // the handshake says what is wrong with it
	}
	return nil, nil
}

// checkClientRules refuses a client whose certificate an authority may not vouch
// for. Names are compared as gorouter does, as the strings of their sequences.
func checkClientRules(rules []ClientRule, chains [][]*x509.Certificate) error {
	for _, chain := range chains {
		for _, rule := range rules {
			if rule.concerns(chain) && !rule.permits(chain[0].Subject) {
				return fmt.Errorf("subject not in the list of allowed subjects for CA Subject %q: %q", rule.Issuer, chain[0].Subject)
			}
		}
	}
	return nil
}

func (r *ClientRule) concerns(chain []*x509.Certificate) bool {
	issuer := r.Issuer.ToRDNSequence().String()
	return slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return c.Subject.ToRDNSequence().String() == issuer })
}

func (r *ClientRule) permits(subject pkix.Name) bool {
	want := subject.ToRDNSequence().String()
	return slices.ContainsFunc(r.Subjects, func(n pkix.Name) bool { return n.ToRDNSequence().String() == want })
}
