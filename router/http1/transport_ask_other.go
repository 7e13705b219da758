//go:build !unix

package http1

import "net"

// asker is not there: requests are written and replies read as any other bytes.
type asker struct{}

func (*asker) ready(net.Conn, *reader) {}
func (*asker) isReady() bool           { return false }

func (*asker) ask([]byte, bool) (wrote int, unsent, unread error) { return 0, errNoisy, nil }
