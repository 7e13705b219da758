// Package routeservice is what routers and route services say to each other: the
// signature by which a router knows its own request again when a route service
// brings it back, and which route services may be reached without a network
// (reference, section 7).
//
// It knows nothing of how requests travel; router/proxy sends them.
package routeservice
