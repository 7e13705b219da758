// Package route is the routing table: which endpoints serve which host and
// path, and which of them the next request goes to.
//
// A Table is written by whoever hears registrations and read by every request.
// Reading takes no lock and allocates nothing. What a registration describes is
// an immutable Endpoint; what is learned of an address (requests in flight,
// failures) is shared by all routes to it and survives re-registration.
//
// What a request touches of its route is laid out by cache lines, for where requests
// spread over thousands of routes, none of them is in a cache: each costs as much as
// a hundred lines of code, and two cost no more than one where the address of both is
// known before either has come. They are four. The bucket of the index, 64 bytes,
// leads to the entry of the host, of which the first line has the name and the second
// what is read to choose an endpoint; both come at once. What is written when the
// request has ended, counters and the latest endings, is the third, touched only then.
// What else there is of the last minutes has memory of its own while there were
// requests, and is written to once for many of them. Whatever is rare, or the same of
// most routes, is behind a pointer that they share: about, members.
//
// The package knows nothing of NATS or HTTP. Rules: gorouter reference,
// sections 1.5 to 1.8 (registration, pruning), 2.1 and 2.2 (lookup) and 3.1
// (balancing).
package route
