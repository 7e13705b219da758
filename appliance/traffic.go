package appliance

import (
	"fmt"
	"net"

	"devrouter/config"
)

// trafficListeners returns what opens the ports for traffic: nil for a kind that
// is off. Each learns the number of its port.
func (a *Appliance) trafficListeners(c *config.Config) (clear, secure func() ([]net.Listener, error)) {
	if !c.DisableHTTP {
		clear = func() ([]net.Listener, error) {
			listeners, err := listen(c.ListenAddress, c.Port, portSetting)
			if err == nil {
				a.setScheme("http", portSuffix(listeners, 80))
			}
			return listeners, err
		}
	}
	if c.EnableSSL {
		secure = func() ([]net.Listener, error) {
			listeners, err := listen(c.ListenAddress, c.SSLPort, sslPortSetting)
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
	a.learn(func(u *URLs) {
		u.scheme, u.portSuffix = scheme, suffix
		u.Router = scheme + "://localhost" + suffix
		u.Page = scheme + "://" + PageHost + suffix
	})
}

func (a *Appliance) setSecure(suffix string, only bool) {
	a.learn(func(u *URLs) { u.Secure = "https://localhost" + suffix })
	if only {
		a.setScheme("https", suffix)
	}
}

// learn replaces the URLs by a copy that knows more. Only who opens the ports
// calls it, one after the other.
func (a *Appliance) learn(more func(*URLs)) {
	u := a.URLs()
	more(&u)
	a.urls.Store(&u)
}
