//go:build !linux

package http1

import (
	"context"
	"time"
)

const mostLoops = 0

// task is nil: there are no loops.
type task struct{}

func (*task) inLoop() bool                  { return false }
func (*task) isOut() bool                   { return true }
func (*task) leave()                        {}
func (*task) home() int                     { return 0 }
func (*task) turnTime() (none time.Time)    { return none }
func (*task) pause()                        {}
func (*task) awaitRequest() bool            { return true }
func (c *conn) sendRest()                   {}
func (c *conn) holds() bool                 { return false }
func (c *conn) canEnterLoop() bool          { return false }
func (c *conn) enterLoop() bool             { return false }
func clientsOfLoops() int32                 { return 0 }
func taskOf(context.Context) *task          { return nil }
func (c *endpointConn) isSeenQuiet() bool   { return false }
func (c *endpointConn) carry(*task) bool    { return false }
func (a *asker) sendsLater() bool           { return false }
func (c *endpointConn) comeToRest() (n int) { return 0 }
