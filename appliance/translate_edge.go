package appliance

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"

	"devrouter/config"
	"devrouter/router"
	"devrouter/router/proxy"
)

// edgeOptions adds to the router's options what concerns the clients' side. An
// error names its key.
func edgeOptions(o *router.Options, c *config.Config) error {
	o.ProxyProtocol = c.EnablePROXY
	o.DrainWait = c.DrainWait
	o.Proxy.Headers.ClientCert = clientCertModes[c.ForwardedClientCert]
	if c.DisableHTTP && !c.EnableSSL {
		return fmt.Errorf("neither http nor https listener is enabled: router.enable_ssl: %t, router.disable_http: %t", c.EnableSSL, c.DisableHTTP)
	}
	if !c.EnableSSL {
		return nil
	}
	var err error
	o.TLS, err = tlsOptions(c)
	return err
}

var clientCertModes = map[string]proxy.ClientCert{
	"always_forward": proxy.AlwaysForwardClientCert,
	"forward":        proxy.ForwardClientCert,
	"sanitize_set":   proxy.SetClientCert,
}

var tlsVersions = map[string]uint16{
	"TLSv1.0": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
}

var clientAuths = map[string]tls.ClientAuthType{
	"none": tls.NoClientCert, "request": tls.VerifyClientCertIfGiven, "require": tls.RequireAndVerifyClientCert,
}

// tlsOptions translates reference 11.4.
func tlsOptions(c *config.Config) (o router.TLS, err error) {
	o = router.TLS{MinVersion: tlsVersions[c.MinTLSVersion], MaxVersion: tlsVersions[c.MaxTLSVersion], DisableHTTP2: !c.EnableHTTP2}
	if o.MinVersion > o.MaxVersion {
		return o, fmt.Errorf("min_tls_version %s is above max_tls_version %s", c.MinTLSVersion, c.MaxTLSVersion)
	}
	if o.CipherSuites, err = cipherSuites(c.CipherSuites); err != nil {
		return o, err
	}
	if o.Certificates, err = serverCertificates(c.TLSPEM); err != nil {
		return o, err
	}
	var ok bool
	if o.ClientAuth, ok = clientAuths[c.ClientCertValidation]; !ok {
		return o, errors.New("router.client_cert_validation must be one of 'none', 'request' or 'require'.") //nolint:staticcheck // gorouter's words
	}
	if o.ClientAuth == tls.NoClientCert {
		return o, nil
	}
	if o.ClientCAs, err = clientCAs(c); err != nil {
		return o, err
	}
	o.ClientRules, err = clientRules(c)
	return o, err
}

func serverCertificates(pairs []config.KeyPair) ([]tls.Certificate, error) {
	if len(pairs) == 0 {
		return nil, errors.New("router.tls_pem must be provided if router.enable_ssl is set to true")
	}
	var certs []tls.Certificate
	for i, pair := range pairs {
		cert, err := tls.X509KeyPair([]byte(pair.CertChain), []byte(pair.PrivateKey))
		if err != nil {
			return nil, fmt.Errorf("tls_pem[%d]: %w", i, err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// clientCAs are who may vouch for clients. What cannot be read must not leave
// the system's authorities alone in charge.
func clientCAs(c *config.Config) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if c.OnlyTrustClientCACerts {
		if c.ClientCACerts == "" {
			return nil, errors.New("router.client_ca_certs cannot be empty if router.only_trust_client_ca_certs is 'true' and router.client_cert_validation is set to 'request' or 'require'.") //nolint:staticcheck // gorouter's words
		}
	} else if system, err := x509.SystemCertPool(); err == nil {
		pool = system
	}
	certs, err := parseCertificates(c.ClientCACerts)
	if err != nil {
		return nil, fmt.Errorf("client_ca_certs: %w", err)
	}
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}

// clientRules translates verify_client_certificate_metadata. A rule for an
// authority that is not one of client_ca_certs would never apply.
func clientRules(c *config.Config) ([]router.ClientRule, error) {
	if !c.EnableVerifyClientCertificateMetadata {
		return nil, nil
	}
	known := make(map[string]bool)
	cas, err := parseCertificates(c.ClientCACerts)
	if err != nil {
		return nil, fmt.Errorf("client_ca_certs: %w", err)
	}
	for _, ca := range cas {
		known[ca.Subject.ToRDNSequence().String()] = true
	}
	var rules []router.ClientRule
	for i, r := range c.VerifyClientCertificateMetadata {
		rule := router.ClientRule{Issuer: subjectName(r.IssuerInChain)}
		if issuer := rule.Issuer.ToRDNSequence().String(); !known[issuer] {
			return nil, fmt.Errorf("verify_client_certificate_metadata[%d]: no certificate of client_ca_certs has the subject %q of issuer_in_chain", i, issuer)
		}
		for _, s := range r.ValidCertSubjects {
			rule.Subjects = append(rule.Subjects, subjectName(s))
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

func subjectName(s config.CertSubject) pkix.Name {
	return pkix.Name{
		Country: s.Country, Organization: s.Organization, OrganizationalUnit: s.OrganizationalUnit,
		Locality: s.Locality, Province: s.Province, StreetAddress: s.StreetAddress, PostalCode: s.PostalCode,
		SerialNumber: s.SerialNumber, CommonName: s.CommonName,
	}
}
