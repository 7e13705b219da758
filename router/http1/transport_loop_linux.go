package http1

import "net"

// carry has a task use the connection, nil for none, and says whether its loop waits
// for it.
func (c *endpointConn) carry(t *task) bool {
	c.task = t
	if t == nil || c.home != t.loop.number && !c.join(t.loop) {
		return false
	}
	c.home = t.loop.number
	c.bare.(*bareConn).task = t
	return true
}

// isSeenQuiet says whether the task would have been told of what had come on the
// connection, and was not.
func (c *endpointConn) isSeenQuiet() bool {
	b, ok := c.bare.(*bareConn)
	return ok && c.task.inLoop() && !c.task.loop.behind && b.isQuiet(c.task.loop)
}

// comeToRest ends the use of the connection, and returns the number of the loop that
// waits for it from now on, 0 for none.
func (c *endpointConn) comeToRest() int {
	t := c.task
	c.task = nil
	b, ok := c.bare.(*bareConn)
	if ok {
		b.task = nil
		if t.inLoop() && c.home == t.loop.number {
			return c.home
		}
	}
	switch {
	case t != nil && c.join(t.loop):
		return t.loop.number
	case ok:
		return b.home()
	}
	return 0
}

// join has a loop wait for the connection, and says whether it does.
func (c *endpointConn) join(l *loop) bool {
	if b, ok := c.bare.(*bareConn); ok {
		return b.home() == l.number || b.join(l, readiness{ready: true})
	}
	if c.tcp == nil {
		return false
	}
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return false
	}
	remote, ok := c.tcp.RemoteAddr().(*net.TCPAddr)
	fd := duplicate(raw)
	if !ok || fd < 0 {
		return false // it is over
	}
	b := &bareConn{fd: fd, local: c.tcp.LocalAddr(), remote: remote.AddrPort()}
	c.tcp.Close()
	c.bind(b, b)
	return b.join(l, readiness{ready: true}) // what has come before, the loop is not told of at once
}

// sendsLater says whether a loop has the asker advance at the end of its turn, in which
// that has all that the loop's clients ask sent.
func (a *asker) sendsLater() bool {
	b, ok := a.conn.(*bareConn)
	return ok && b.asksLater()
}
