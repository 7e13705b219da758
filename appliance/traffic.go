package appliance

import (
	"fmt"
	"net"

	"devrouter/config"
)

// trafficListeners returns what opens the ports for traffic: nil for a kind that
// is off. Each learns the number of its port.
func (a *Appliance) trafficListeners(c *config.Config) (clear, secure func() ([]net.Listener, error)) {
	a.urls = URLs{Admin: a.admin.url(), NATS: a.bus.url}
	if !c.DisableHTTP {
		clear = func() ([]net.Listener, error) {
			listeners, err := listen(c.ListenAddress, c.Port, "--port (DEVROUTER_PORT, or port in devrouter.yml)")
			if err == nil {
				a.setScheme("http", portSuffix(listeners, 80))
			}
			return listeners, err
		}
	}
	if c.EnableSSL {
		secure = func() ([]net.Listener, error) {
			listeners, err := listen(c.ListenAddress, c.SSLPort, "ssl_port in devrouter.yml")
			if err == nil {
				a.setSecure(portSuffix(listeners, 443), c.DisableHTTP)
			}
			return listeners, err
		}
	}
	return clear, secure
}

// portSuffix is what follows a host's name in a URL: nothing for the scheme's own port.
func portSuffix(listeners []net.Listener, usual int) string {
	port := listeners[0].Addr().(*net.TCPAddr).Port
	if port == usual {
		return ""
	}
	return fmt.Sprintf(":%d", port)
}

func (a *Appliance) setScheme(scheme, suffix string) {
	a.scheme, a.portSuffix = scheme, suffix
	a.urls.Router = scheme + "://localhost" + suffix
	a.urls.Page = scheme + "://" + PageHost + suffix
}

func (a *Appliance) setSecure(suffix string, only bool) {
	a.urls.Secure = "https://localhost" + suffix
	if only {
		a.setScheme("https", suffix)
	}
}
