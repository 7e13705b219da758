package devapps

import "gopkg.in/yaml.v3"

// checkProtocol reports a protocol that the router would not speak with the
// app's instances: HTTP/2 goes over TLS as http2 and in the clear as h2c. The
// node is the protocol's value.
func (r *reader) checkProtocol(app *App, n *yaml.Node) {
	for _, i := range app.Instances {
		switch overTLS := i.TLSPort != 0; {
		case app.Protocol == "http2" && !overTLS:
			r.problem(n, "use tls_port, or h2c for HTTP/2 in the clear",
				"protocol http2 is spoken over TLS, and instance %s of app %q has no tls_port", i.address(), app.Name)
			return
		case app.Protocol == "h2c" && overTLS:
			r.problem(n, "write http2", "protocol h2c is HTTP/2 in the clear, and instance %s of app %q has a tls_port", i.address(), app.Name)
			return
		}
	}
}
