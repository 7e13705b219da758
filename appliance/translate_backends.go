package appliance

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

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
	o.CipherSuites, err = cipherSuites(c.CipherSuites)
	return o, err
}

// headLimits translates what heads may be. max_header_bytes is the older name.
func headLimits(c *config.Config) proxy.Limits {
	return proxy.Limits{
		RequestHeaderBytes: cmp.Or(c.MaxRequestHeaderBytes, c.MaxHeaderBytes),
		RequestHeaders:     c.MaxRequestHeaders,
		ResponseHeaders:    c.MaxResponseHeaders,
	}
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
