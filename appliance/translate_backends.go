package appliance

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"devrouter/config"
	"devrouter/router/proxy"
)

// transportOptions translates how endpoints are connected to.
func transportOptions(c *config.Config) (o proxy.TransportOptions, err error) {
	o = proxy.TransportOptions{
		HeadTimeout:       c.EndpointTimeout,
		HTTP1HeadTimeout:  c.HTTP1EndpointTimeout,
		HTTP2HeadTimeout:  c.HTTP2EndpointTimeout,
		HandshakeTimeout:  c.TLSHandshakeTimeout,
		DisableKeepAlives: c.DisableKeepAlives,
		MaxIdle:           orNone(c.MaxIdleConns),
		MaxIdlePerHost:    c.MaxIdleConnsPerHost,
		MaxHeadBytes:      int64(max(c.MaxResponseHeaderBytes, 0)),
	}
	if o.RootCAs, err = rootCAs(c.CACerts); err != nil {
		return o, err
	}
	if o.Certificates, err = endpointCertificates(c.Backends.KeyPair); err != nil {
		return o, err
	}
	o.CipherSuites, err = endpointCipherSuites(c.CipherSuites)
	return o, err
}

// headLimits translates what heads may be. max_header_bytes is the older name.
func headLimits(c *config.Config) proxy.Limits {
	l := proxy.Limits{
		RequestHeaderBytes: c.MaxRequestHeaderBytes,
		RequestHeaders:     c.MaxRequestHeaders,
		ResponseHeaders:    c.MaxResponseHeaders,
	}
	if l.RequestHeaderBytes == 0 {
		l.RequestHeaderBytes = c.MaxHeaderBytes
	}
	return l
}

func rootCAs(pems []string) (*x509.CertPool, error) {
	if len(pems) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, pem := range pems {
		if !pool.AppendCertsFromPEM([]byte(pem)) {
			return nil, errors.New("ca_certs has an entry that holds no certificate in PEM form")
		}
	}
	return pool, nil
}

// endpointCertificates is what endpoints are shown that ask for a certificate.
func endpointCertificates(pair config.KeyPair) ([]tls.Certificate, error) {
	if pair == (config.KeyPair{}) {
		return nil, nil
	}
	cert, err := tls.X509KeyPair([]byte(pair.CertChain), []byte(pair.PrivateKey))
	if err != nil {
		return nil, fmt.Errorf("backends.cert_chain and backends.private_key are no pair: %w", err)
	}
	return []tls.Certificate{cert}, nil
}

// endpointCipherSuites reads cipher_suites. Those of TLS 1.3 may be listed, and
// are in use whether they are or not.
func endpointCipherSuites(list string) (ids []uint16, err error) {
	for name := range strings.SplitSeq(list, ":") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		suite := findCipherSuite(name)
		if suite == nil {
			return nil, fmt.Errorf("cipher_suites: %q is no cipher suite that is known here", name)
		}
		if suite.SupportedVersions[0] <= tls.VersionTLS12 {
			ids = append(ids, suite.ID)
		}
	}
	return ids, nil
}

func findCipherSuite(name string) *tls.CipherSuite {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if name == suite.Name || name == openSSLName(suite.Name) {
			return suite
		}
	}
	return nil
}

// openSSLName returns OpenSSL's name of a suite of the RFCs:
// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256 there, and
// where the key exchange is plain RSA it is not named.
func openSSLName(name string) string {
	if !strings.Contains(name, "_WITH_") {
		return name // TLS 1.3 has one name for all
	}
	return strings.NewReplacer(
		"TLS_RSA_WITH_", "", "TLS_", "", "WITH_", "", "AES_128", "AES128", "AES_256", "AES256",
		"CBC_SHA", "SHA", "3DES_EDE_CBC", "DES-CBC3", "RC4_128", "RC4", "POLY1305_SHA256", "POLY1305", "_", "-",
	).Replace(name)
}
