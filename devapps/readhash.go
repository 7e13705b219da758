package devapps

import (
	"regexp"
	"strconv"

	"gopkg.in/yaml.v3"

	"devrouter/router/route"
)

// hashFields are the settings of an app that belong to `loadbalancing: hash`.
type hashFields struct {
	loadBalancing, header, balance *field
}

// take keeps a field that is one of them; it reports false for another, and for
// loadbalancing, which others read as well.
func (h *hashFields) take(f field) bool {
	switch f.key.Value {
	case "hash_header":
		h.header = &f
	case "hash_balance":
		h.balance = &f
	case "loadbalancing":
		h.loadBalancing = &f
		return false
	default:
		return false
	}
	return true
}

// hash reads them, once the rest of the app is known.
func (r *reader) hash(app *App, h *hashFields) {
	if h.header != nil {
		app.HashHeader = r.headerName(h.header.value)
	}
	if h.balance != nil {
		app.HashBalance = r.balance(h.balance.value)
	}
	hashes := h.loadBalancing != nil && h.loadBalancing.value.Value == string(route.Hash)
	switch {
	case hashes && h.header == nil:
		r.problem(h.loadBalancing.value, "add hash_header: X-Tenant, say", "app %q hashes, and does not say which header", app.Name)
	case hashes:
	case h.header != nil:
		r.problem(h.header.key, "add loadbalancing: hash, or remove it", "hash_header is only for loadbalancing: hash")
	case h.balance != nil:
		r.problem(h.balance.key, "add loadbalancing: hash, or remove it", "hash_balance is only for loadbalancing: hash")
	}
}

func (r *reader) headerName(n *yaml.Node) string {
	name, ok := r.word(n, "hash_header")
	if ok && !isToken(name) {
		r.problem(n, "name a header, as in hash_header: X-Tenant", "%s is no name of a header", kind(n))
	}
	return name
}

// plainNumber is a number without exponent and the like; 0.5 is one, and too small.
var plainNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// balance reads a number that is written as one, without exponent and the like.
func (r *reader) balance(n *yaml.Node) float64 {
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || !plainNumber.MatchString(n.Value) {
		r.problem(n, "write 1.25, say", "hash_balance is %s, want a number", kind(n))
		return 0
	}
	if v != 0 && v < 1 {
		r.problem(n, "write 1.25, say, or 0 for no bound",
			"hash_balance %s is less than the average: every instance would be over it", shorten(n.Value))
	}
	return v
}
