package appliance

import (
	"cmp"

	"devrouter/config"
)

// What chooses each port, in the words of errors about it.
const (
	portSetting       = "--port (DEVROUTER_PORT, or port in devrouter.yml)"
	sslPortSetting    = "ssl_port in devrouter.yml"
	statusPortSetting = "--status-port (DEVROUTER_STATUS_PORT, or status.port in devrouter.yml)"
	natsPortSetting   = "--nats-port (nats.embedded.port), or use the server that is there: nats.hosts"
)

// PortUse is a port that an appliance needs.
type PortUse struct {
	For     string // "traffic", "HTTPS", "admin", "NATS"
	Host    string
	Port    uint16
	setting string
}

// Ports returns the main ports that a configuration needs.
func Ports(c config.Config) (ports []PortUse) {
	if !c.DisableHTTP {
		ports = append(ports, PortUse{"traffic", c.ListenAddress, c.Port, portSetting})
	}
	if c.EnableSSL {
		ports = append(ports, PortUse{"HTTPS", c.ListenAddress, c.SSLPort, sslPortSetting})
	}
	ports = append(ports, PortUse{"admin", cmp.Or(c.Status.Host, c.ListenAddress), c.Status.Port, statusPortSetting})
	if len(c.NATS.Hosts) == 0 {
		ports = append(ports, PortUse{"NATS", c.NATS.Embedded.Host, c.NATS.Embedded.Port, natsPortSetting})
	}
	return ports
}

// Try opens the port and closes it again. The error is what a start would say:
// who has the port and what to do.
func (p PortUse) Try() error {
	listeners, err := listen(p.Host, p.Port, p.setting)
	for _, l := range listeners {
		l.Close()
	}
	return err
}
