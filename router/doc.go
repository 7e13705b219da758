// Package router is a gorouter: it listens to NATS for routes and to HTTP, in the
// clear and over TLS, for requests.
//
// Given a *nats.Conn it does not care where the server behind it runs; given
// listeners, not who bound them. The parts below it know less still: the
// routing table (router/route), the proxy (router/proxy), the words of the bus
// (router/wire) and of route services (router/routeservice), the access log, the
// admin endpoints and the metrics.
package router
