package http1

import (
	"math"
	"net/http"
	"net/url"
	"strings"
)

// A refusal is why a server refuses a message, with what it answers.
type refusal struct {
	status int
	text   string // told to the client; may be empty
}

func (r refusal) Error() string { return http.StatusText(r.status) + ": " + r.text }

var (
	errUnsupportedCoding  = refusal{http.StatusNotImplemented, "Unsupported transfer encoding"}
	errUnsupportedVersion = refusal{http.StatusHTTPVersionNotSupported, "unsupported protocol version"}
	errNoHost             = refusal{http.StatusBadRequest, "missing required Host header"}
	errManyHosts          = refusal{http.StatusBadRequest, "too many Host headers"}
	errBadHost            = refusal{http.StatusBadRequest, "malformed Host header"}
)

// parseRequest makes a request of a head: all that net/http would make of it, but
// for its Body. It is zero but for its context. f is empty; u, which is zero, becomes its URL.
func parseRequest(req *http.Request, u *url.URL, f *fields, head string) error {
	line, rest := cutLine(head)
	if err := parseRequestLine(req, line); err != nil {
		return err
	}
	if err := parseTarget(req, u); err != nil {
		return err
	}
	f.takesHost = true
	if _, err := f.parse(rest); err != nil {
		return err
	}
	req.Header = f.header
	if err := takeHost(req, f); err != nil {
		return err
	}
	fixPragma(f)
	req.Close = wantsClose(req.ProtoAtLeast(1, 1), f)
	length, chunked, err := framing(req.ProtoAtLeast(1, 1), f)
	if err != nil {
		return err
	}
	req.ContentLength = max(length, 0)
	if chunked {
		req.ContentLength = -1
		req.TransferEncoding = []string{"chunked"}
		req.Trailer, err = announcedTrailer(f)
	}
	return err
}

// cutLine cuts a head behind its first line, which is returned without its end.
func cutLine(head string) (line, rest string) {
	line, rest, _ = strings.Cut(head, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

func parseRequestLine(req *http.Request, line string) error {
	method, rest, ok := strings.Cut(line, " ")
	target, proto, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 || target == "" || !isToken(method) {
		return malformed("malformed request line")
	}
	req.Method, req.RequestURI, req.Proto = method, target, proto
	switch proto {
	case "HTTP/1.1":
		req.ProtoMajor, req.ProtoMinor = 1, 1
	case "HTTP/1.0":
		req.ProtoMajor, req.ProtoMinor = 1, 0
	default:
		if req.ProtoMajor, req.ProtoMinor, ok = http.ParseHTTPVersion(proto); !ok {
			return malformed("malformed version")
		}
		if req.ProtoMajor != 1 {
			return errUnsupportedVersion
		}
	}
	return nil
}

// parseTarget makes of a target what url.ParseRequestURI does.
func parseTarget(req *http.Request, u *url.URL) error {
	target := req.RequestURI
	if isPlainTarget(target) {
		u.Path = target
		if mark := strings.IndexByte(target, '?'); mark >= 0 {
			u.Path, u.RawQuery = target[:mark], target[mark+1:]
			u.ForceQuery = u.RawQuery == ""
		}
		req.URL = u
		return nil
	}
	authority := req.Method == http.MethodConnect && target[0] != '/'
	if authority {
		target = "http://" + target
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return malformed("malformed target")
	}
	*u = *parsed
	if authority {
		u.Scheme = ""
	}
	req.URL = u
	return nil
}

// isPlainTarget says whether a target is a path in which each byte stands for
// itself, and perhaps a query.
func isPlainTarget(s string) bool {
	if s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if !plainPathBytes[s[i]] {
			return s[i] == '?' && !hasControl(s[i:]) && strings.IndexByte(s[i:], '\t') < 0
		}
	}
	return true
}

// takeHost finds the host that a request is for. A target with a host of its own
// overrides the header.
func takeHost(req *http.Request, f *fields) error {
	if f.names&nameHost == 0 {
		if req.ProtoAtLeast(1, 1) && req.Method != http.MethodConnect {
			return errNoHost
		}
		req.Host = req.URL.Host
		return nil
	}
	if f.hosts > 1 {
		return errManyHosts
	}
	for i := range len(f.host) {
		if !hostBytes[f.host[i]] {
			return errBadHost
		}
	}
	if req.Host = req.URL.Host; req.Host == "" {
		req.Host = f.host
	}
	return nil
}

// fixPragma gives those a Cache-Control who say the same in the words of HTTP/1.0.
func fixPragma(f *fields) {
	if f.names&namePragma != 0 && f.header["Pragma"][0] == "no-cache" {
		if _, ok := f.header["Cache-Control"]; !ok {
			f.add("Cache-Control", "no-cache")
		}
	}
}

// wantsClose says whether the sender ends the connection with this exchange.
func wantsClose(http11 bool, f *fields) bool {
	if f.names&nameConnection == 0 {
		return !http11
	}
	connection := f.header["Connection"]
	return hasElement(connection, "close") || !http11 && !hasElement(connection, "keep-alive")
}

// framing says how the body of a message is framed by its fields: in chunks, or
// by its length, which is -1 when there is none. The Transfer-Encoding, which is
// for one connection, is removed.
func framing(http11 bool, f *fields) (length int64, chunked bool, err error) {
	length = -1
	if f.names&(nameContentLength|nameTransferEncoding) == 0 {
		return length, false, nil
	}
	if f.names&nameTransferEncoding != 0 {
		if err := checkCoding(f.header["Transfer-Encoding"]); err != nil {
			return 0, false, err
		}
		if !http11 {
			return 0, false, malformed("transfer coding in HTTP/1.0")
		}
		if f.names&nameContentLength != 0 {
			return 0, false, malformed("both a length and a transfer coding")
		}
		f.del("Transfer-Encoding")
		return length, true, nil
	}
	lengths := f.header["Content-Length"]
	if len(lengths) > 1 {
		return 0, false, malformed("more than one length")
	}
	length, err = parseLength(lengths[0])
	return length, false, err
}

// checkCoding refuses all transfer codings but chunked alone. Those that are known
// elsewhere are told apart from nonsense.
func checkCoding(values []string) error {
	if len(values) == 1 && equalFold(values[0], "chunked") {
		return nil
	}
	last := ""
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			one = trimSpace(one)
			if !isToken(one) || equalFold(one, "identity") || equalFold(last, "chunked") {
				return malformed("malformed transfer coding")
			}
			last = one
		}
	}
	return errUnsupportedCoding
}

// parseLength takes digits alone.
func parseLength(s string) (int64, error) {
	var n uint64
	for i := range len(s) {
		digit := uint64(s[i]) - '0'
		if digit > 9 || n > math.MaxInt64/10 || n*10+digit > math.MaxInt64 {
			return 0, malformed("malformed length")
		}
		n = n*10 + digit
	}
	if s == "" {
		return 0, malformed("malformed length")
	}
	return int64(n), nil
}

// announcedTrailer returns the names that a Trailer field announces, without
// values, and removes the field. It is nil when there are none.
func announcedTrailer(f *fields) (trailer http.Header, err error) {
	if f.names&nameTrailer == 0 {
		return nil, nil
	}
	eachElement(f.header["Trailer"], func(name string) {
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Transfer-Encoding", "Trailer", "Content-Length":
			err = malformed("trailer that cannot be one")
		}
		if trailer == nil {
			trailer = make(http.Header)
		}
		trailer[name] = nil
	})
	f.del("Trailer")
	return trailer, err
}

// parseResponse makes a response to a request of a method of a head: all that
// net/http would make of it, but for its Body, and for the Connection field, which
// stays. It is zero. f is empty.
//
// The body is framed by chunks when TransferEncoding says so; else by bodyLength,
// which is -1 when it ends with the connection.
func parseResponse(res *http.Response, f *fields, head, method string) (bodyLength int64, err error) {
	if _, err := parseLines(res, f, head); err != nil {
		return 0, err
	}
	res.Header = f.header
	fixPragma(f)
	res.Close = wantsClose(res.ProtoAtLeast(1, 1), f)
	length, chunked, err := framing(res.ProtoAtLeast(1, 1), f)
	if err != nil {
		return 0, err
	}
	if chunked {
		length = -1
		res.TransferEncoding = []string{"chunked"}
		if res.Trailer, err = announcedTrailer(f); err != nil {
			return 0, err
		}
	}
	res.ContentLength = length
	switch {
	case method == http.MethodHead:
		return 0, nil
	case !bodyAllowed(res.StatusCode):
		res.ContentLength = 0
		return 0, nil
	}
	if length < 0 && !chunked {
		res.Close = true
	}
	return length, nil
}

// parsePlain is parseResponse for a reply that isPlain, and says how much of what has
// come is its head: it is left without Status and Header, and its fields are listed.
// It returns false for any other, and for a head that has no end yet, and res and f as
// they have become.
func parsePlain(res *http.Response, f *fields, come string) (size int, ok bool) {
	f.asList = true
	rest, err := parseLines(res, f, come)
	if err != nil || !isPlain(res, f) {
		return 0, false
	}
	res.Status = ""
	return len(come) - len(rest), true
}

// parseLines reads the lines of a reply's head, and returns what is behind it.
func parseLines(res *http.Response, f *fields, head string) (rest string, err error) {
	line, rest := cutLine(head)
	if err := parseStatusLine(res, line); err != nil {
		return "", err
	}
	return f.parse(rest)
}

// isPlain says whether a reply has a body of a length that it declares once, and
// nothing else in its head decides about it or its connection. Then it notes the
// length. Most replies are such.
func isPlain(res *http.Response, f *fields) bool {
	if f.names&^nameConnection != nameContentLength || res.Proto != "HTTP/1.1" || !bodyAllowed(res.StatusCode) {
		return false
	}
	length := int64(-1)
	for i := range f.list {
		switch name, value := f.list[i][0], f.list[i][1]; name {
		case "Content-Length":
			n, err := parseLength(value)
			if err != nil || length >= 0 {
				return false
			}
			length = n
		case "Connection":
			if !equalFold(value, "keep-alive") {
				return false
			}
		}
	}
	res.ContentLength = length
	return true
}

func parseStatusLine(res *http.Response, line string) error {
	proto, status, ok := strings.Cut(line, " ")
	if !ok {
		return malformed("malformed status line")
	}
	switch proto {
	case "HTTP/1.1":
		res.Proto, res.ProtoMajor, res.ProtoMinor = "HTTP/1.1", 1, 1
	case "HTTP/1.0":
		res.Proto, res.ProtoMajor, res.ProtoMinor = "HTTP/1.0", 1, 0
	default:
		if res.ProtoMajor, res.ProtoMinor, ok = http.ParseHTTPVersion(proto); !ok || res.ProtoMajor != 1 {
			return malformed("malformed version")
		}
		res.Proto = proto
	}
	res.Status = strings.TrimLeft(status, " ")
	code, _, _ := strings.Cut(res.Status, " ")
	if len(code) != 3 || hasControl(res.Status) {
		return malformed("malformed status")
	}
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return malformed("malformed status")
		}
		res.StatusCode = res.StatusCode*10 + int(code[i]-'0')
	}
	if res.StatusCode < 100 {
		return malformed("status below 100")
	}
	return nil
}

// bodyAllowed says whether a reply of a status may have a body.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
