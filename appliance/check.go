package appliance

import (
	"errors"

	"devrouter/config"
)

// Check returns what a start with a configuration would fail for beyond what its
// file alone can be wrong with: certificates, keys, templates, cipher suites. It
// opens no port and writes nothing.
func Check(c config.Config) error {
	_, routerErr := routerOptions(&c)
	_, metricsErr := metricsOptions(&c)
	_, pagesErr := errorPages(&c)
	_, healthErr := healthTLS(&c)
	return errors.Join(routerErr, metricsErr, pagesErr, healthErr)
}
