package appliance

import (
	"devrouter/config"
	"devrouter/router/proxy"
)

// setSessions translates which endpoint a request goes to, beyond the algorithm.
func setSessions(o *proxy.Options, c *config.Config) {
	o.Sticky = proxy.Sticky{
		Cookies:   c.StickySessionCookieNames,
		Secure:    c.SecureCookies,
		Negotiate: c.StickySessionsForAuthNegotiate,
	}
	o.Pins = c.PinInstances
	if c.BalancingAlgorithmAZPreference == "locally-optimistic" {
		o.Zone = c.Zone
	}
}
