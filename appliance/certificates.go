package appliance

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"devrouter/config"
)

// shownCertificates are what a section of the configuration lets this process
// show to servers that ask for a certificate: one, or none.
func shownCertificates(section string, pair config.KeyPair) ([]tls.Certificate, error) {
	if pair == (config.KeyPair{}) {
		return nil, nil
	}
	cert, err := tls.X509KeyPair([]byte(pair.CertChain), []byte(pair.PrivateKey))
	if err != nil {
		return nil, fmt.Errorf("%s.cert_chain and %[1]s.private_key are no pair: %w", section, err)
	}
	return []tls.Certificate{cert}, nil
}

// addAuthorities adds the certificates of a PEM text to a pool. There must be
// one; what else is in a bundle, and what cannot be read, is passed over.
func addAuthorities(pool *x509.CertPool, text string) error {
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return errNoCertificate
	}
	return nil
}

var errNoCertificate = errors.New("holds no certificate in PEM form")

// parseCertificates reads all certificates of a PEM text, which may be empty and
// may hold nothing else.
func parseCertificates(text string) (certs []*x509.Certificate, err error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("holds a %s where only certificates may be", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 && text != "" {
		return nil, errNoCertificate
	}
	return certs, nil
}
