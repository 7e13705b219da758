package route

import "strings"

// Candidate is a route that Lookup looks for.
type Candidate struct {
	Key Key
	// Pool is nil when there is no such route. Below a host without any route, only
	// the host itself is named.
	Pool *Pool
}

// Candidates returns the routes that Lookup looks for, in its order, up to the one
// that it finds, which is the last when found is true. A route without endpoints is
// found only when no other takes the request.
func (t *Table) Candidates(host, path string) (list []Candidate, found bool) {
	pool := t.Lookup(host, path)
	host, path = NormalHost(host), toLower(path)
	if len(host) > maxHostBytes {
		return nil, false
	}
	list = t.candidatesBelow(list, host, path)
	for suffix := host; !ends(list, pool); {
		_, rest, ok := strings.Cut(suffix, ".")
		if !ok {
			break
		}
		list = t.candidatesBelow(list, "*."+rest, path)
		suffix = rest
	}
	for i, c := range list {
		if pool != nil && c.Pool == pool {
			return list[:i+1], true
		}
	}
	return list, false
}

// ends says whether the pool is in the list.
func ends(list []Candidate, pool *Pool) bool {
	for _, c := range list {
		if pool != nil && c.Pool == pool {
			return true
		}
	}
	return false
}

// candidatesBelow adds the routes below one host, the longest path first and an
// empty one, which is a last resort, behind the others.
func (t *Table) candidatesBelow(list []Candidate, host, path string) []Candidate {
	x, name := t.hostIndex(host)
	n := x.get(name, "")
	if n == nil {
		return append(list, Candidate{Key: Key{Host: host}})
	}
	var empty []Candidate
	add := func(key Key, p *Pool) {
		c := Candidate{key, p}
		if p != nil && len(p.Instances()) == 0 {
			empty = append(empty, c)
			return
		}
		list = append(list, c)
	}
	if deepest := int(n.deepest.Load()); path != "" && path != "/" {
		for _, end := range prefixes(path, deepest) {
			if end == 0 {
				break
			}
			key := Key{host, path[:end]}
			add(key, t.pool(key))
		}
	}
	add(Key{Host: host}, n.root.Load())
	return append(list, empty...)
}

// Preview returns the instances that a request with this choice would try now, one
// after another as long as each fails, at most limit. Nothing is counted, and what
// comes next is served as if nobody had asked. A random choice may turn out
// differently.
func (p *Pool) Preview(c Choice, limit int) (list []*Instance, err error) {
	shadow := &Pool{name: p.name, room: p.room}
	shadow.members.Store(p.members.Load())
	shadow.about.Store(p.about.Load())
	shadow.cursor.Store(p.cursor.Load())
	var k Picker
	k.Start(shadow, c)
	for len(list) < limit {
		i, err := k.Next()
		if err != nil {
			return list, err
		}
		i.live.Release()
		list = append(list, i)
	}
	return list, nil
}
