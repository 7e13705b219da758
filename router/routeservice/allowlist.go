package routeservice

import (
	"fmt"
	"regexp"
	"strings"
)

// Allowlist names the hosts of route services that may be reached inside the
// process. The zero value names all.
type Allowlist struct {
	hosts map[string]bool // lower-case; "*.domain" is any one label below it
}

// A name with at least two labels, whose first may be a "*".
var allowlistEntry = regexp.MustCompile(`^(\*|[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+$`)

// ParseAllowlist reads a list whose entries are fully qualified names, or
// `*.domain`, which is exactly one label below the domain (reference 7.4).
func ParseAllowlist(entries []string) (Allowlist, error) {
	var list Allowlist
	for _, entry := range entries {
		host := strings.ToLower(entry)
		if !allowlistEntry.MatchString(host) {
			return Allowlist{}, fmt.Errorf("%q is neither a fully qualified name, such as rs.example.com, nor *.example.com, any one label below a domain", entry)
		}
		if list.hosts == nil {
			list.hosts = make(map[string]bool)
		}
		list.hosts[host] = true
	}
	return list, nil
}

// Allows says whether the list names a host, which is in normal form.
func (l Allowlist) Allows(host string) bool {
	if l.hosts == nil || l.hosts[host] {
		return true
	}
	_, domain, ok := strings.Cut(host, ".")
	return ok && l.hosts["*."+domain]
}
