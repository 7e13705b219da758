package appliance

import (
	"cmp"
	"crypto/x509"
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
	if o.Certificates, err = shownCertificates("backends", c.Backends.KeyPair); err != nil {
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
	for i, pem := range pems {
		if err := addAuthorities(pool, pem); err != nil {
			return nil, fmt.Errorf("ca_certs[%d]: %w", i, err)
		}
	}
	return pool, nil
}
