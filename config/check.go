package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// tokenName is what a header's or a cookie's name is made of (RFC 9110, 5.6.2).
var tokenName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// check reports what no value alone can be wrong with, and what its type does
// not say. Where gorouter has a text for it, that is the text.
func (d *decoder) check(c Config) {
	d.checkAddresses(c)
	d.checkListeners(c)
	d.checkStatusTLS(c)
	d.checkRouting(c)
	d.checkBus(c)
	d.checkNames(c)
}

// blame reports a problem at the first of the given paths that the file has. It
// stays silent when one of them has a problem of its own already, which would
// explain this one.
func (d *decoder) blame(paths []string, hint, format string, args ...any) {
	if slices.ContainsFunc(paths, func(path string) bool { return d.bad[path] }) {
		return
	}
	var at yaml.Node // the file as a whole
	for _, path := range paths {
		if n := d.keys[path]; n != nil {
			at = *n
			break
		}
	}
	d.add(d.file.Node(&at, hint, format, args...))
}

func (d *decoder) checkAddresses(c Config) {
	addresses := []struct{ path, value string }{
		{"listen_address", c.ListenAddress},
		{"status.host", c.Status.Host},
		{"nats.embedded.host", c.NATS.Embedded.Host},
	}
	for _, a := range addresses {
		_, err := netip.ParseAddr(a.value)
		switch {
		case err == nil || a.value == "" && a.path == "status.host":
		case a.value == "":
			d.blame([]string{a.path}, "write 0.0.0.0 for every interface", "%s names no address", a.path)
		case !isHostname(a.value):
			d.blame([]string{a.path}, "write it as 127.0.0.1, ::1 or a host name; ports have keys of their own",
				"%s: %s is not an address", a.path, quote(a.value))
		}
	}
}

func isHostname(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}

func (d *decoder) checkListeners(c Config) {
	if c.DisableHTTP && !c.EnableSSL {
		d.blame([]string{"disable_http", "enable_ssl"}, "",
			"neither http nor https listener is enabled: router.enable_ssl: %t, router.disable_http: %t", c.EnableSSL, c.DisableHTTP)
	}
	if !c.EnableSSL {
		return
	}
	if c.ClientCertValidation == "" {
		d.blame([]string{"client_cert_validation", "enable_ssl"}, "", clientCertValidationText)
	}
	if len(c.TLSPEM) == 0 {
		d.blame([]string{"tls_pem", "enable_ssl"}, "", "router.tls_pem must be provided if router.enable_ssl is set to true")
	}
	for i, pair := range c.TLSPEM {
		if pair.CertChain == "" || pair.PrivateKey == "" {
			path := fmt.Sprintf("tls_pem[%d]", i)
			d.blame([]string{path, path + ".cert_chain", path + ".private_key"}, "",
				"Error parsing PEM blocks of router.tls_pem, missing cert or key.")
		}
	}
}

func (d *decoder) checkStatusTLS(c Config) {
	tls, path := c.Status.TLS, "status.tls"
	if tls == Default().Status.TLS {
		if !c.Status.EnableNonTLSHealthChecks {
			d.blame([]string{"status.enable_nontls_health_checks"}, "",
				"Neither TLS nor non-TLS health endpoints are enabled. Refusing to start gorouter.")
		}
		return
	}
	if tls.Certificate == "" {
		d.blame([]string{path + ".certificate", path}, "", "router.status.tls.certificate must be provided")
	}
	if tls.Key == "" {
		d.blame([]string{path + ".key", path}, "", "router.status.tls.key must be provided")
	}
	if tls.Port == 0 {
		d.blame([]string{path + ".port", path}, "", "router.status.tls.port must not be 0")
	}
}

func (d *decoder) checkRouting(c Config) {
	if c.RoutingTableShardingMode == "segments" && len(c.IsolationSegments) == 0 {
		d.blame([]string{"routing_table_sharding_mode", "isolation_segments"}, "",
			"Expected isolation segments; routing table sharding mode set to segments and none provided.")
	}
	if c.DropletStaleThreshold == 0 && c.StartResponseDelayInterval == 0 {
		d.blame([]string{"droplet_stale_threshold"}, "prune_stale_droplets_interval: 0s turns pruning off",
			"droplet_stale_threshold: 0s makes every route stale at once")
	}
}

func (d *decoder) checkBus(c Config) {
	for i, host := range c.NATS.Hosts {
		path := fmt.Sprintf("nats.hosts[%d]", i)
		if host.Hostname == "" {
			d.blame([]string{path, path + ".hostname"}, "", "%s has no hostname", path)
		}
		if host.Port == 0 {
			d.blame([]string{path, path + ".port"}, "NATS listens on 4222 as a rule", "%s has no port", path)
		}
	}
	for i, leaf := range c.NATS.Embedded.Leafnodes {
		// The value stays out of the message: it may hold a password.
		if !isNATSURL(leaf) {
			path := fmt.Sprintf("nats.embedded.leafnodes[%d]", i)
			d.blame([]string{path, "nats.embedded.leafnodes"}, "write it as nats://host:port", "%s is not the URL of a NATS server", path)
		}
	}
}

func isNATSURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && slices.Contains([]string{"nats", "tls", "ws", "wss", "nats-leaf"}, u.Scheme)
}

func (d *decoder) checkNames(c Config) {
	d.checkTokens("extra_headers_to_log", "header", c.ExtraHeadersToLog)
	d.checkTokens("hop_by_hop_headers_to_filter", "header", c.HopByHopHeadersToFilter)
	d.checkTokens("sticky_session_cookie_names", "cookie", c.StickySessionCookieNames)
	d.checkHeaders("http_rewrite.responses.add_headers_if_not_present", c.HTTPRewrite.Responses.AddHeadersIfNotPresent)
	d.checkHeaders("http_rewrite.responses.remove_headers", c.HTTPRewrite.Responses.RemoveHeaders)
}

func (d *decoder) checkTokens(list, kind string, names []string) {
	for i, name := range names {
		if path := fmt.Sprintf("%s[%d]", list, i); !tokenName.MatchString(name) {
			d.blame([]string{path, list}, "", "%s: %s is not the name of a %s", path, quote(name), kind)
		}
	}
}

func (d *decoder) checkHeaders(list string, headers []Header) {
	for i, header := range headers {
		path := fmt.Sprintf("%s[%d]", list, i)
		if !tokenName.MatchString(header.Name) {
			d.blame([]string{path + ".name", path}, "", "%s.name: %s is not the name of a header", path, quote(header.Name))
		}
		if strings.ContainsAny(header.Value, "\r\n\x00") {
			d.blame([]string{path + ".value", path}, "", "%s.value has a line break, which would end the header", path)
		}
	}
}
