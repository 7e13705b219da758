package http1

import (
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"unsafe"
)

// errTooManyFields says that a head has more lines than it may have.
var errTooManyFields = errors.New("the head has too many fields")

// maxFields bounds the lines of a head: each costs more memory than it has bytes.
const maxFields = 10000

// fields are the header fields of a message, in a map and in slices that are used
// for one message after the other. The zero value is ready.
type fields struct {
	header http.Header
	values []string // of which each one in header is a slice
	names  nameSet  // those among them that decide about the message

	takesHost bool   // Host goes to host, and not into header
	host      string // the first one
	hosts     int    // how many there were

	asList bool        // they are put into list, and not into header
	list   [][2]string // names and values, in their order
}

// fewFields are as many as the smallest map has room for. To go through a map, or
// to clear it, takes as long as it is large, not as it is full; it grows where it
// has to.
const fewFields = 8

// A larger map or slice is not kept: it would never shrink.
const keptFields = 64

// reset forgets everything.
func (f *fields) reset() {
	f.names, f.asList, f.takesHost, f.host, f.hosts = 0, false, false, "", 0
	clear(f.list)
	f.list = f.list[:0]
	if cap(f.list) > keptFields {
		f.list = nil
	}
	if len(f.values) > keptFields || len(f.header) > keptFields {
		f.header, f.values = nil, nil
		return
	}
	clear(f.header)
	clear(f.values)
	f.values = f.values[:0]
}

// parse adds the lines of a head up to the empty one that ends it, and returns what is
// behind that. The strings it keeps are parts of the head.
func (f *fields) parse(head string) (rest string, err error) {
	f.makeReady()
	for {
		end := strings.IndexByte(head, '\n')
		if end < 0 {
			return "", malformed("head without an end")
		}
		line := head[:end]
		head = head[end+1:]
		if end > 0 && line[end-1] == '\r' {
			line = line[:end-1]
		}
		if line == "" {
			return head, nil
		}
		if err := f.parseLine(line); err != nil {
			return "", err
		}
	}
}

func (f *fields) makeReady() {
	switch {
	case f.asList && f.list == nil:
		f.list = make([][2]string, 0, 16)
	case f.asList:
	case f.header == nil:
		f.header = make(http.Header, fewFields)
		fallthrough
	default:
		if len(f.values) == 0 && cap(f.values) < 16 {
			f.values = make([]string, 0, 16)
		}
	}
}

func (f *fields) parseLine(line string) error {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		return malformed("field without a colon")
	}
	known, ok := canonicalName(line[:colon])
	if !ok {
		return malformed("invalid field name")
	}
	value := trimSpace(line[colon+1:])
	if hasControl(value) {
		return malformed("control character in a field's value")
	}
	if len(f.values)+len(f.list)+f.hosts == maxFields {
		return errTooManyFields
	}
	f.names |= known.bit
	switch {
	case f.takesHost && known.bit == nameHost:
		if f.hosts++; f.hosts == 1 {
			f.host = value
		}
	case f.asList:
		f.list = append(f.list, [2]string{known.name, value})
	default:
		f.add(known.name, value)
	}
	return nil
}

func (f *fields) add(name, value string) {
	f.values = append(f.values, value)
	if values, ok := f.header[name]; ok {
		f.header[name] = append(values, value)
		return
	}
	last := len(f.values)
	f.header[name] = f.values[last-1 : last : last]
}

// mayBeTrailer says whether a name may stand behind a body. What frames a message,
// leads it, or is decided by before the body is read, would be believed too late,
// or by some only (RFC 9110, 6.5.1); net/http has the same names.
func mayBeTrailer(name string) bool {
	switch name {
	case "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Range",
		"Content-Type", "Expect", "Host", "Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te", "Trailer", "Transfer-Encoding",
		"Upgrade", "Www-Authenticate":
		return false
	}
	return isToken(name) && !strings.HasPrefix(name, "If-")
}

// del removes the values of a name.
func (f *fields) del(name string) { delete(f.header, name) }

// trimSpace removes what may stand around a value and is not part of it.
func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// hasControl says whether a text has control characters other than tabs.
func hasControl(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	b := unsafe.Slice(unsafe.StringData(s), len(s)) // to look at eight at a time; nothing writes to it
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ ones*0x7f
		if ((x-ones*0x20)&^x|(del-ones)&^del)&tops != 0 && hasControlSlow(b[:8]) {
			return true
		}
		b = b[8:]
	}
	return hasControlSlow(b)
}

func hasControlSlow(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// hasElement says whether one of the comma-separated lists in values has an
// element, in any case.
func hasElement(values []string, element string) bool {
	for _, v := range values {
		if equalFold(v, element) {
			return true
		}
		for rest := v; rest != ""; {
			var one string
			one, rest, _ = strings.Cut(rest, ",")
			if equalFold(trimSpace(one), element) {
				return true
			}
		}
	}
	return false
}

// eachElement calls f for each element of the comma-separated lists in values.
func eachElement(values []string, f func(string)) {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			if one = trimSpace(one); one != "" {
				f(one)
			}
		}
	}
}
