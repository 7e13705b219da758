package devapps

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var instanceKeys = []string{"host", "port", "tls_port", "server_cert_domain_san", "availability_zone"}

// instanceNodes are the parts of an instance that is written as a map.
type instanceNodes struct {
	key                            *yaml.Node // the first part's key; nil when there is none
	host, port, tlsPort, san, zone *yaml.Node
}

// take keeps a field that describes an instance; it reports false for others.
func (i *instanceNodes) take(f field) bool {
	switch f.key.Value {
	case "host":
		i.host = f.value
	case "port":
		i.port = f.value
	case "tls_port":
		i.tlsPort = f.value
	case "server_cert_domain_san":
		i.san = f.value
	case "availability_zone":
		i.zone = f.value
	default:
		return false
	}
	if i.key == nil {
		i.key = f.key
	}
	return true
}

// appInstances reads one instance or a list of them. The key is the app's.
func (r *reader) appInstances(app *App, key, n *yaml.Node) {
	nodes := items(n)
	if len(nodes) == 0 || n.Tag == "!!null" {
		r.problem(key, "write "+app.Name+": 3000", "app %q has no instances", app.Name)
		return
	}
	for _, item := range nodes {
		if r.instances > maxInstances {
			return
		}
		var parts instanceNodes
		switch item.Kind {
		case yaml.SequenceNode:
			r.problem(item, "write a port, host:port or a map", "an instance is a list")
			continue
		case yaml.MappingNode:
			if r.instanceFields(&parts, item) {
				r.appInstance(app, item, &parts)
			}
		default:
			if instance, ok := r.target(item); ok {
				r.addInstance(app, item, instance)
			}
		}
	}
}

// instanceFields sorts the fields of an instance; it reports false after a
// problem.
func (r *reader) instanceFields(parts *instanceNodes, n *yaml.Node) bool {
	before := len(r.problems)
	for _, f := range r.fields(n) {
		if !parts.take(f) {
			r.unknown(f.key, "in an instance", instanceKeys)
		}
	}
	return len(r.problems) == before
}

// appInstance reads an instance that is written as a map.
func (r *reader) appInstance(app *App, at *yaml.Node, parts *instanceNodes) {
	instance := Instance{Host: "localhost"}
	ok := true
	if parts.port == nil && parts.tlsPort == nil {
		r.problem(at, "add port: 3000", "an instance of app %q has neither port nor tls_port", app.Name)
		ok = false
	}
	if parts.host != nil {
		instance.Host, ok = r.host(parts.host)
	}
	if parts.port != nil {
		instance.Port = r.port(parts.port, "port")
		ok = ok && instance.Port != 0
	}
	if parts.tlsPort != nil {
		instance.TLSPort = r.port(parts.tlsPort, "tls_port")
		ok = ok && instance.TLSPort != 0
	}
	if parts.san != nil {
		instance.SAN, _ = r.text(parts.san, "server_cert_domain_san")
	}
	if parts.zone != nil {
		instance.Zone, _ = r.text(parts.zone, "availability_zone")
	}
	if ok && (parts.port != nil || parts.tlsPort != nil) {
		r.addInstance(app, at, instance)
	}
}

func (r *reader) addInstance(app *App, n *yaml.Node, instance Instance) {
	place := [2]string{app.Name, instance.address()}
	if line, twice := r.listed[place]; twice {
		r.problem(n, "remove one of the two", "instance %s of app %q is listed twice, first on %s", instance.address(), app.Name, r.where(n, line))
		return
	}
	r.listed[place] = n.Line
	_, instance.Line = r.place(n.Line)
	instance.ID = deriveID("instance", app.Name, strconv.Itoa(len(app.Instances)), instance.address())
	app.Instances = append(app.Instances, instance)
	if r.instances++; r.instances == maxInstances+1 {
		r.problem(n, "", "the file has more than %d instances", maxInstances)
	}
}

// address returns host:port as the router dials it.
func (i Instance) address() string {
	port := i.Port
	if i.TLSPort != 0 {
		port = i.TLSPort
	}
	return net.JoinHostPort(i.Host, strconv.Itoa(int(port)))
}

// target reads a scalar instance: a port, or host:port.
func (r *reader) target(n *yaml.Node) (Instance, bool) {
	value := n.Value
	if strings.Contains(value, "://") {
		_, rest, _ := strings.Cut(value, "://")
		r.problem(n, "write "+shorten(rest), "instance %q has a scheme", shorten(value))
		return Instance{}, false
	}
	if address, path, found := strings.Cut(value, "/"); found {
		r.problem(n, "write "+shorten(address)+", and the path into routes", "instance %q has a path: /%s; the path of a request goes to the app as it comes", shorten(value), shorten(path))
		return Instance{}, false
	}
	colon := strings.LastIndexByte(value, ':')
	if colon < 0 {
		port := r.port(n, "port")
		return Instance{Host: "localhost", Port: port}, port != 0
	}
	part := *n // the same place, another text
	part.Value = value[colon+1:]
	port := r.port(&part, "port")
	host := value[:colon]
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") && strings.Contains(host, ":") {
		host = host[1 : len(host)-1]
	} else if strings.Contains(host, ":") {
		r.problem(n, `write "[::1]:4000"`, "instance %q has an IPv6 address without brackets", shorten(value))
		return Instance{}, false
	}
	part.Value, part.Tag = host, "!!str"
	host, ok := r.host(&part)
	return Instance{Host: host, Port: port}, ok && port != 0
}

var (
	hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$`)
	// A host that ends in a number is an IPv4 address or a mistake, such as
	// docker's 3000:80.
	numberLast = regexp.MustCompile(`(^|\.)[0-9]+$`)
)

// host reads the host of an instance: an IP address or a name.
func (r *reader) host(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.Value == "" {
		r.problem(n, "for this machine write the port alone, or localhost", "the host is empty")
		return "", false
	}
	value, ok := r.word(n, "host")
	if !ok {
		return "", false
	}
	if addr, err := netip.ParseAddr(value); err == nil && addr.Zone() == "" {
		return addr.String(), true
	}
	host := strings.ToLower(value)
	if len(host) > 253 || !hostName.MatchString(host) || strings.Contains(host, "..") || numberLast.MatchString(host) {
		r.problem(n, "", "host %q is neither an IP address nor a name", value)
		return "", false
	}
	return host, true
}

var (
	decimal   = regexp.MustCompile(`^[1-9][0-9]*$`)
	leading0  = regexp.MustCompile(`^0+[0-9]+$`)
	exponent  = regexp.MustCompile(`^[0-9.]+[eE][+-]?[0-9]+$`)
	fraction  = regexp.MustCompile(`^[0-9]*\.[0-9]*$`)
	grouped   = regexp.MustCompile(`^[0-9][0-9_,]*$`)
	otherNum  = regexp.MustCompile(`^0[xobXOB][0-9a-fA-F_]+$`)
	portRange = regexp.MustCompile(`^[0-9]+-[0-9]+$`)
	signed    = regexp.MustCompile(`^[+-][0-9]+$`)
)

// port reads a port as a person wrote it. YAML takes 0755 for octal and 8e3
// for a fraction, so what it made of the digits is not looked at. It returns 0
// after a problem.
func (r *reader) port(n *yaml.Node, what string) uint16 {
	if n.Kind != yaml.ScalarNode {
		r.problem(n, "", "%s is %s, want a number", what, kind(n))
		return 0
	}
	v := shorten(n.Value)
	switch {
	case decimal.MatchString(v):
		if port, err := strconv.ParseUint(v, 10, 16); err == nil {
			return uint16(port)
		}
		fallthrough
	case v == "0", signed.MatchString(v):
		r.problem(n, "", "%s %s is out of range, ports are 1 to 65535", what, v)
	case leading0.MatchString(v):
		r.problem(n, "write "+strings.TrimLeft(v, "0"), "%s %s has a leading zero, which YAML may read as octal", what, v)
	case exponent.MatchString(v), fraction.MatchString(v):
		r.problem(n, "write plain digits", "%s %s is a fraction or has an exponent", what, v)
	case decimal.MatchString(strings.TrimSuffix(v, ",")):
		r.problem(n, "remove the comma", "%s %s ends with a comma", what, v)
	case portRange.MatchString(v):
		r.problem(n, "list the ports: [3000, 3001]", "%s %s is a range", what, v)
	case strings.Contains(v, "$"):
		r.problem(n, "write the number", "%s %s is a variable, and none is replaced here", what, v)
	case grouped.MatchString(v):
		r.problem(n, "write "+strings.NewReplacer("_", "", ",", "").Replace(v), "%s %s has a separator between its digits", what, v)
	case otherNum.MatchString(v):
		r.problem(n, "write plain digits", "%s %s is not decimal", what, v)
	case v == "":
		r.problem(n, "", "%s is empty, want a number", what)
	case n.Tag == "!!bool", n.Tag == "!!null":
		r.problem(n, "", "%s is %s, want a number", what, kind(n))
	default:
		r.problem(n, "write a port such as 3000, or host:port", "%q is not a port", shorten(v))
	}
	return 0
}
