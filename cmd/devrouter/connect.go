package main

import (
	"cmp"
	"errors"

	"devrouter/config"
	"devrouter/web/client"
)

// connect returns a client of the appliance that the same configuration, flags
// and environment would start.
func connect(f *runFlags) (*client.Client, error) {
	c, err := loadConfig(f)
	if err != nil {
		return nil, err
	}
	return clientOf(&c)
}

func clientOf(c *config.Config) (*client.Client, error) {
	if c.Status.Port == 0 {
		return nil, errors.New("port 0 is any free one, so nobody knows where the appliance is: name the port that its banner shows with --status-port (DEVROUTER_STATUS_PORT)")
	}
	return client.New(client.Options{
		Host: cmp.Or(c.Status.Host, c.ListenAddress), Port: c.Status.Port, User: c.Status.User, Pass: c.Status.Pass,
	}), nil
}
