package wire

// quick reads the messages that components send, four times as fast as
// encoding/json: they are a table of 100,000 routes at a router's start. It
// takes only what can mean one thing: an object of known keys in their exact
// spelling, each once, with plain values. Whatever else there is (an escape,
// a byte beyond ASCII, an unknown key, a number out of range, a mistake) it
// leaves to encoding/json, which decides and words the errors. A test holds
// the two to the same results.
func quick(data []byte) (*Registration, bool) {
	q := quickReader{text: data}
	r := new(Registration)
	q.object(func(key []byte) bool { return q.member(r, key) })
	q.space()
	return r, !q.failed && q.at == len(q.text)
}

// quickReader is where the reading of a text has come to.
type quickReader struct {
	text   []byte
	at     int
	failed bool
	seen   uint32 // the fields that have been read, a bit for each
}

// member reads the value of one field. It says whether the field is a known one.
func (q *quickReader) member(r *Registration, key []byte) bool {
	var field uint32
	switch string(key) {
	case "host":
		field, r.Host = 1<<0, q.string()
	case "port":
		field, r.Port = 1<<1, uint16(q.number(1<<16-1))
	case "tls_port":
		field, r.TLSPort = 1<<2, uint16(q.number(1<<16-1))
	case "uris":
		field, r.URIs = 1<<3, q.strings()
	case "protocol":
		field, r.Protocol = 1<<4, q.string()
	case "app":
		field, r.App = 1<<5, q.string()
	case "private_instance_id":
		field, r.PrivateInstanceID = 1<<6, q.string()
	case "private_instance_index":
		field, r.PrivateInstanceIndex = 1<<7, q.string()
	case "server_cert_domain_san":
		field, r.ServerCertDomainSAN = 1<<8, q.string()
	case "route_service_url":
		field, r.RouteServiceURL = 1<<9, q.string()
	case "tags":
		field, r.Tags = 1<<10, q.tags()
	case "stale_threshold_in_seconds":
		field, r.StaleThresholdInSeconds = 1<<11, int(q.number(1<<31-1))
	case "isolation_segment":
		field, r.IsolationSegment = 1<<12, q.string()
	case "availability_zone":
		field, r.AvailabilityZone = 1<<13, q.string()
	case "endpoint_updated_at_ns":
		field, r.EndpointUpdatedAtNs = 1<<14, q.number(1<<63-1)
	case "health_check_path":
		field, r.HealthCheckPath = 1<<15, q.string()
	case "options":
		field = 1 << 16
		q.object(func(key []byte) bool { return q.option(&r.Options, key) })
	default:
		return false
	}
	return q.once(field)
}

func (q *quickReader) option(o *Options, key []byte) bool {
	var field uint32
	switch string(key) {
	case "loadbalancing":
		field, o.LoadBalancing = 1<<17, q.string()
	case "hash_header":
		field, o.HashHeader = 1<<18, q.string()
	default: // the others are rare
		return false
	}
	return q.once(field)
}

// once says whether a field is seen for the first time. What encoding/json makes
// of one that comes twice is its own affair.
func (q *quickReader) once(field uint32) bool {
	again := q.seen&field != 0
	q.seen |= field
	return !again
}

// object reads an object, whose members' values member reads.
func (q *quickReader) object(member func(key []byte) bool) {
	q.list('{', '}', func() {
		key := q.quoted()
		if q.take(':'); !q.failed && !member(key) {
			q.failed = true
		}
	})
}

// tags reads an object of texts, or null. Unlike a field, a tag may come twice:
// then the last counts, as in encoding/json.
func (q *quickReader) tags() map[string]string {
	if q.null() {
		return nil
	}
	tags := make(map[string]string)
	q.list('{', '}', func() {
		key := q.string()
		q.take(':')
		tags[key] = q.string()
	})
	return tags
}

func (q *quickReader) strings() []string {
	all := make([]string, 0, 1)
	q.list('[', ']', func() { all = append(all, q.string()) })
	return all
}

// list reads what stands between two brackets, separated by commas.
func (q *quickReader) list(open, end byte, item func()) {
	q.take(open)
	if q.next() == end {
		q.at++
		return
	}
	for !q.failed {
		item()
		switch q.next() {
		case ',':
			q.at++
		case end:
			q.at++
			return
		default:
			q.failed = true
		}
	}
}

// string reads a text. It is copied by itself: a part of the message would keep
// all of it in memory.
func (q *quickReader) string() string { return string(q.quoted()) }

// quoted reads a text of plain ASCII, without escapes.
func (q *quickReader) quoted() []byte {
	q.take('"')
	for i := q.at; i < len(q.text) && !q.failed; i++ {
		switch c := q.text[i]; {
		case c == '"':
			s := q.text[q.at:i]
			q.at = i + 1
			return s
		case c < ' ', c == '\\', c >= 0x7f:
			q.failed = true
		}
	}
	q.failed = true
	return nil
}

// number reads a whole number that is not negative, of at most most.
func (q *quickReader) number(most int64) (n int64) {
	c := q.next()
	if c == '0' { // nothing may follow but what follows any value
		q.at++
		return 0
	}
	begin := q.at
	for ; q.at < len(q.text) && '0' <= q.text[q.at] && q.text[q.at] <= '9'; q.at++ {
		digit := int64(q.text[q.at] - '0')
		if n > (most-digit)/10 {
			q.failed = true
			return 0
		}
		n = n*10 + digit
	}
	if q.at == begin {
		q.failed = true
	}
	return n
}

func (q *quickReader) null() bool {
	if q.next() == 'n' && len(q.text)-q.at >= 4 && string(q.text[q.at:q.at+4]) == "null" {
		q.at += 4
		return true
	}
	return false
}

// take reads one byte that must be there.
func (q *quickReader) take(want byte) {
	if q.next() != want {
		q.failed = true
		return
	}
	q.at++
}

// next returns the next byte that is no white space, and 0 at the end.
func (q *quickReader) next() byte {
	q.space()
	if q.at == len(q.text) {
		return 0
	}
	return q.text[q.at]
}

func (q *quickReader) space() {
	for q.at < len(q.text) {
		switch q.text[q.at] {
		case ' ', '\t', '\r', '\n':
			q.at++
		default:
			return
		}
	}
}
