// Package testca is a certificate authority for tests, and for tests only: no
// shipping package imports it. What it issues serves both ends of a connection.
package testca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lifetime is how long a certificate is valid.
const lifetime = 2 * time.Hour

// An Authority issues certificates. It is valid for a day to either side of now.
type Authority struct {
	Cert *x509.Certificate
	Pool *x509.CertPool // knows Cert; a test may add others
	PEM  string         // Cert in PEM form

	t   testing.TB
	key *ecdsa.PrivateKey
}

// New returns an authority whose subject has a common name.
func New(t testing.TB, commonName string) *Authority {
	t.Helper()
	a := &Authority{t: t, key: newKey(t), Pool: x509.NewCertPool()}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: commonName}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	a.Cert = a.sign(template, template, a.key)
	a.Pool.AddCert(a.Cert)
	a.PEM = encode("CERTIFICATE", a.Cert.Raw)
	return a
}

// Issue returns a certificate that is valid now, for names: hosts or addresses.
func (a *Authority) Issue(names ...string) tls.Certificate {
	a.t.Helper()
	return a.IssueTo(pkix.Name{CommonName: "of " + strings.Join(names, " ")}, names...)
}

// IssueTo is Issue for a subject.
func (a *Authority) IssueTo(subject pkix.Name, names ...string) tls.Certificate {
	a.t.Helper()
	return a.issue(subject, time.Now().Add(-lifetime/2), names)
}

// IssueFrom is Issue for two hours from a time on.
func (a *Authority) IssueFrom(from time.Time, names ...string) tls.Certificate {
	a.t.Helper()
	return a.issue(pkix.Name{}, from, names)
}

func (a *Authority) issue(subject pkix.Name, from time.Time, names []string) tls.Certificate {
	a.t.Helper()
	template := &x509.Certificate{
		Subject: subject, NotBefore: from, NotAfter: from.Add(lifetime), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	key := newKey(a.t)
	leaf := a.sign(template, a.Cert, key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (a *Authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// PEM returns an issued certificate and its key as configurations hold them.
func PEM(t testing.TB, cert tls.Certificate) (chain, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return encode("CERTIFICATE", cert.Leaf.Raw), encode("PRIVATE KEY", der)
}

// File writes a text, such as a PEM, into a folder of its own and returns the path.
func File(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
