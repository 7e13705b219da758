package proxy

import "net/http"

// clientHead is what one look through the client's headers tells of them: most are
// asked for a dozen that hardly any request has. It is the client's, whatever of it the
// client's Connection keeps from the endpoint.
type clientHead struct {
	bytes, lines int      // the size of the head, as gorouter counts it, and how many headers it has
	special      bool     // it has others than those that pass
	cookies      []string // the lines of Cookie
	agent        string   // the first User-Agent
	hasAgent     bool     // there is one that the endpoint gets
}

// note notes what is asked for of headers that most requests have.
func (c *clientHead) note(name string, values []string) {
	switch name {
	case "Cookie":
		c.cookies = values
	case headerUserAgent:
		c.hasAgent = true
		if len(values) > 0 {
			c.agent = values[0]
		}
	}
}

// special returns the values of a header that is not one of those that pass.
func (ex *exchange) special(name string) []string {
	if !ex.head.special {
		return nil
	}
	return ex.r.Header[name]
}

// firstSpecial returns the first of them, "" where there is none.
func (ex *exchange) firstSpecial(name string) string {
	if v := ex.special(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// requestLineBytes is what the head has before the other headers, as gorouter counts it:
// the request line and Host, with what separates them.
func requestLineBytes(r *http.Request) int {
	return len(r.Method) + len(r.RequestURI) + len(r.Proto) + len(" ")*2 + len("\r\n") + len("Host: ") + len(r.Host) + len("\r\n")
}

// headerBytes is what one of those adds.
func headerBytes(name, value string) int { return len(name) + len(": ") + len(value) + len("\r\n") }
