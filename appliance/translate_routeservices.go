package appliance

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"devrouter/config"
	"devrouter/router"
	"devrouter/router/proxy"
	"devrouter/router/routeservice"
)

// routeServiceOptions translates the configuration of route services (reference,
// section 7). Without a secret there are none.
func routeServiceOptions(o *router.Options, c *config.Config, roots *x509.CertPool) error {
	allow, err := routeservice.ParseAllowlist(c.RouteServicesHairpinningAllowlist)
	if err != nil {
		return fmt.Errorf("route_services_hairpinning_allowlist: %w", err)
	}
	if c.RouteServicesSecret == "" {
		return nil
	}
	keys, err := routeservice.NewKeys(c.RouteServicesSecret, c.RouteServicesSecretDecryptOnly)
	if err != nil {
		return fmt.Errorf("route_services_secret: %w", err)
	}
	o.Proxy.RouteServices = proxy.RouteServices{
		Keys:             keys,
		Timeout:          c.RouteServicesTimeout,
		MaxAttempts:      max(c.RouteServices.MaxAttempts, 1),
		RecommendHTTPS:   c.RouteServicesRecommendHTTPS,
		RefuseWebSockets: !c.RouteServices.EnableWebsockets,
		StrictSignatures: c.RouteServices.StrictSignatureValidation,
		Hairpin:          c.RouteServicesHairpinning,
		Allow:            allow,
	}
	o.Transport.ServiceTLS, err = routeServiceTLS(c, roots)
	return err
}

func routeServiceTLS(c *config.Config, roots *x509.CertPool) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, InsecureSkipVerify: c.SkipSSLValidation}
	var err error
	t.Certificates, err = shownCertificates("route_services", c.RouteServices.KeyPair)
	return t, err
}
