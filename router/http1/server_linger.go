package http1

import "time"

// How long a client may go on sending that has been answered for good: as long as
// it sends something, and not for ever.
const (
	lingerPause   = time.Second
	lingerTotal   = 10 * time.Second
	lingerClosing = 500 * time.Millisecond
)

// linger lets a client read a reply that came before it had sent everything: when
// a connection is closed with something unread, the reply is lost as well
// (fault 25).
func (c *conn) linger() {
	c.task.leave() // there may be something to send, and always more to read
	half, ok := c.rwc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	buf := getBuffer(minBuffer)
	defer putBuffer(buf)
	end := time.Now().Add(lingerTotal)
	for {
		by := time.Now().Add(lingerPause)
		if c.server.closing.Load() {
			end = minTime(end, time.Now().Add(lingerClosing))
		}
		c.rwc.SetReadDeadline(minTime(by, end)) //nolint:errcheck // a broken connection shows at the next read
		if _, err := c.rwc.Read(*buf); err != nil {
			return
		}
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
