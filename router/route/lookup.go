package route

import "strings"

// Lookup returns the pool that a request for host and path is for, or nil.
//
// The host is taken as the request has it: with or without a port, in any case.
// The path is the escaped path as it was sent. Exact hosts are tried before
// wildcards, longer wildcards before shorter, and below one host the longest
// path with an endpoint wins (reference 2.2). It takes no lock, and allocates
// only where host or path have upper-case letters, the latter below a host with
// paths.
func (t *Table) Lookup(host, path string) *Pool {
	if p := t.asWritten(host, path); p != nil {
		return p
	}
	host = NormalHost(host)
	if len(host) > maxHostBytes {
		return nil // nobody's name, and each of its dots would cost a hash of the rest
	}
	if p := t.below(t.hosts, host, "", path); p != nil {
		return p
	}
	if t.wildcards.size.Load() == 0 {
		return nil
	}
	for suffix := host; ; {
		_, rest, ok := strings.Cut(suffix, ".")
		if !ok {
			return nil
		}
		if p := t.below(t.wildcards, rest, "*.", path); p != nil {
			return p
		}
		suffix = rest
	}
}

// asWritten is Lookup of a host that stands in a request as in the table but for a
// port, as nearly all do: it has no other normal form.
func (t *Table) asWritten(host, path string) *Pool {
	if colon := strings.IndexByte(host, ':'); colon >= 0 {
		host = host[:colon]
	}
	if len(host) > maxHostBytes {
		return nil
	}
	return t.below(t.hosts, host, "", path)
}

// below finds the route for a path below one host; prefix is what the index
// leaves out of its keys.
func (t *Table) below(x *index[hostNode], host, prefix, path string) *Pool {
	n := x.get(host, "")
	if n == nil {
		return nil
	}
	n.own.requests.Load() // which is on its way, then, while root is: a request needs both
	root := n.root.Load()
	deepest := int(n.deepest.Load())
	if deepest == 0 || path == "" || path == "/" {
		return root
	}
	if prefix != "" {
		host = prefix + host
	}
	return t.longest(host, toLower(path), deepest, root)
}

// longest finds the longest of the routes of a host that begin a path and have an
// endpoint; root is that of them without a path. Of those without endpoints the
// longest is the last resort.
func (t *Table) longest(host, path string, deepest int, root *Pool) *Pool {
	var empty *Pool
	for _, end := range prefixes(path, deepest) {
		if end == 0 {
			break
		}
		if p := t.paths.get(host, path[:end]); p != nil {
			if len((*p).Instances()) > 0 {
				return *p
			}
			if empty == nil {
				empty = *p
			}
		}
	}
	if root != nil && (empty == nil || len(root.Instances()) > 0) {
		return root
	}
	return empty
}

// prefixes returns where the prefixes of a path end, at segment boundaries, the
// longest first, at most deepest segments long. Unused places are 0.
func prefixes(path string, deepest int) (ends [maxPathSegments]int) {
	n := 0
	for i := 1; i <= len(path) && n < min(deepest, maxPathSegments); i++ {
		if i == len(path) || path[i] == '/' {
			ends[n] = i
			n++
		}
	}
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		ends[i], ends[j] = ends[j], ends[i]
	}
	return ends
}

// contextPath returns the path of a registered URI, in its own case.
func contextPath(uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	_, path, _ := strings.Cut(strings.Trim(uri, "/"), "/")
	return "/" + path
}
