package route

// Algorithm names how a pool chooses among its endpoints.
type Algorithm string

// The algorithms, by the names that they have on the wire and in /routes
// (reference 3.1).
const (
	RoundRobin      Algorithm = "round-robin"
	LeastConnection Algorithm = "least-connection"
	Hash            Algorithm = "hash" // by the value of a header; for single routes only
)

// Known says whether the name is one of an algorithm.
func (a Algorithm) Known() bool { return a == RoundRobin || a == LeastConnection || a == Hash }

// Balancing is an algorithm and what it needs to know.
type Balancing struct {
	// Algorithm as a registration carried it; empty keeps the pool's.
	Algorithm Algorithm
	// HashHeader is the header whose value Hash goes by. The others need none.
	HashHeader string
	// HashBalance bounds what Hash may give one endpoint: one that has more requests
	// in flight than this factor times the average is passed over. Zero is no bound;
	// below 1 all would be passed over.
	HashBalance float64
}
