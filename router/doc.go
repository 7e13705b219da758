// Package router is a gorouter: it listens to NATS for routes and to HTTP for
// requests.
//
// Given a *nats.Conn it does not care where the server behind it runs; given
// listeners, not who bound them. The parts below it know less still: the
// routing table (router/route), the proxy (router/proxy), the words of the bus
// (router/wire), the access log and the admin endpoints.
package router
