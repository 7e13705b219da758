// Package route is the routing table: which endpoints serve which host and
// path, and which of them the next request goes to.
//
// A Table is written by whoever hears registrations and read by every request.
// Reading takes no lock and allocates nothing. What a registration describes is
// an immutable Endpoint; what is learned of an address (requests in flight,
// failures) is shared by all routes to it and survives re-registration.
//
// The package knows nothing of NATS or HTTP. Rules: gorouter reference,
// sections 1.5 to 1.8 (registration, pruning), 2.1 and 2.2 (lookup) and 3.1
// (balancing).
package route
