package http1

import (
	"bytes"
	"errors"
)

// errHeadTooLarge says that a head is more than it may be.
var errHeadTooLarge = errors.New("the head is too large")

// malformed is why a message is refused.
type malformed string

func (m malformed) Error() string { return string(m) }

// headScanner finds where a head ends, as it comes in. Its zero value is ready
// for a head from its beginning.
type headScanner struct {
	trailer bool // there may be no line but the empty one
	bareLF  bool // a line may end without its CR, as old programs write it
	line    int  // where the line begins that has not ended yet
	next    int  // what comes before has been looked at
}

// scan looks at what has come since its last call, and returns the size of the
// head with its empty line, or 0 when that has not come.
func (s *headScanner) scan(b []byte) (int, error) {
	for {
		i := bytes.IndexByte(b[s.next:], '\n')
		if i < 0 {
			s.next = len(b)
			return 0, nil
		}
		end := s.next + i
		size := end - s.line
		if size > 0 && b[end-1] == '\r' {
			size--
		} else if !s.bareLF {
			return 0, malformed("line ends without CR")
		}
		if size == 0 && (s.trailer || s.line > 0) {
			return end + 1, nil
		}
		s.next, s.line = end+1, end+1
		if size == 0 {
			return 0, malformed("head begins with an empty line")
		}
	}
}

// readHead reads until a whole head is buffered, and returns its size. It is at
// most limit.
func readHead(b *reader, limit int, bareLF bool) (int, error) {
	scanner := headScanner{bareLF: bareLF}
	for {
		size, err := scanner.scan(b.buffered())
		switch {
		case err != nil:
			return 0, err
		case size > limit || size == 0 && b.w-b.r >= limit:
			return 0, errHeadTooLarge
		case size > 0:
			return size, nil
		}
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
}
