// Package health finds out whether endpoints answer, without a request having to
// fail first, and says in words why they do not.
//
// A Prober walks the routing table and looks at each address gently: a connection,
// or a GET where the registration names a path. What it finds is written to the
// same value as what requests find (route.Live), which the choice of an endpoint
// and whoever shows the table read. It looks only at this machine and at what it
// is told to: a laptop that listens to the bus of a real cluster must not probe
// that.
package health
