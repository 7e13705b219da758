// Package appliance assembles the parts into one process and owns their lives.
// It is the only package that knows all of them.
//
// New binds every port, so that a taken one is an error before anything has
// begun. Run starts the parts in order (the bus, the access log, the ports for
// admin, metrics and profiles, the page, the router, the apps of routes.yaml),
// each once the one before it is ready, and stops them in reverse, each fully
// before the next is told.
package appliance
