package http1

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// bareConn is a client's connection as the system has accepted it. Nobody but the
// system knows of it at first: a connection whose one request has come before it
// was accepted, and whose reply ends it, is over before anybody has had to wait for
// it. When somebody has to, it becomes a file of the scheduler's poller, and where
// the kernel is to move its bytes, or another takes it over, a net.TCPConn as well.
type bareConn struct {
	local  net.Addr // nil where the listener has several addresses
	remote netip.AddrPort
	task   *task // that reads and writes it; nil where no loop serves it

	mu              sync.Mutex // guards all below; nothing that is done with it waits
	fd              int        // -1 once another has it
	file            *os.File   // nil until somebody has had to wait
	tcp             *net.TCPConn
	raw             syscall.RawConn // of file or tcp; nil with fd, and at the end
	readBy, writeBy time.Time
	closed          bool

	// These are for the loop that waits for it.
	loop      *loop                 // nil when none does; then it has fd
	number    int32                 // there
	readiness                       // in the latter's view
	waiter    *task                 // for something to read; nil when none is
	try       func(fd uintptr) bool // what it reads by; nil where it reads by itself
	tried     bool                  // the loop has read by that
	asks      bool                  // the loop is to try at the end of its turn: there is something to send first
	unsent    []byte                // to be sent then, or when there is room for it
	sendsRest bool                  // a goroutine sends what was unsent
}

// bareRaw is a bareConn as a syscall.RawConn.
type bareRaw bareConn

// SyscallConn never fails.
func (b *bareConn) SyscallConn() (syscall.RawConn, error) { return (*bareRaw)(b), nil }

// Control runs f.
func (r *bareRaw) Control(f func(fd uintptr)) error {
	b := (*bareConn)(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.fd >= 0:
		b.send()
		f(uintptr(b.fd))
		return nil
	case b.raw == nil:
		return b.failed("raw-control", net.ErrClosed)
	}
	return b.raw.Control(f)
}

// Read runs f until it has read.
func (r *bareRaw) Read(f func(fd uintptr) bool) error {
	b := (*bareConn)(r)
	for t := b.task; t.inLoop(); {
		if here, done := b.tryInLoop(t, f); done {
			return nil
		} else if !here || !t.wait() {
			break
		}
	}
	return b.run("raw-read", f, syscall.RawConn.Read)
}

// Write runs f until it has written.
func (r *bareRaw) Write(f func(fd uintptr) bool) error {
	return (*bareConn)(r).run("raw-write", f, syscall.RawConn.Write)
}

// run runs f, and where it has to wait has it run by that.
func (b *bareConn) run(op string, f func(fd uintptr) bool, wait func(syscall.RawConn, func(fd uintptr) bool) error) error {
	raw, done := b.now(f)
	switch {
	case done:
		return nil
	case raw == nil:
		return b.failed(op, net.ErrClosed)
	}
	b.task.leave()
	return b.waited(op, wait(raw, f))
}

// now runs f if nobody has had to wait yet. If f has to, it returns what to wait
// with.
func (b *bareConn) now(f func(fd uintptr) bool) (raw syscall.RawConn, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		if b.send() && f(uintptr(b.fd)) {
			return nil, true
		}
		b.poll()
	}
	return b.raw, false
}

// poll has the poller know of the connection, and no loop any more. It is called
// with mu, and with fd.
func (b *bareConn) poll() {
	if b.loop != nil {
		b.loop.forget(b)
	}
	b.file = os.NewFile(uintptr(b.fd), "")
	b.raw, _ = b.file.SyscallConn() // it has a file
	b.fd = -1
	if !b.readBy.IsZero() {
		b.file.SetReadDeadline(b.readBy) //nolint:errcheck // a broken connection shows at the next read
	}
	if !b.writeBy.IsZero() {
		b.file.SetWriteDeadline(b.writeBy) //nolint:errcheck // as above
	}
}

// waited makes the error of a file's wait one of a connection's.
func (b *bareConn) waited(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*net.OpError); ok { //nolint:errorlint // so it comes from a net.TCPConn
		return err
	}
	b.mu.Lock()
	if b.closed {
		err = net.ErrClosed
	}
	b.mu.Unlock()
	return b.failed(op, err)
}

// failed is the error that package net would have. It is called with mu or without.
func (b *bareConn) failed(op string, err error) error {
	e := &net.OpError{Op: op, Net: "tcp", Addr: b.RemoteAddr(), Err: err}
	if b.local != nil {
		e.Source = b.local
	}
	return e
}

// Read is that of a net.TCPConn.
func (b *bareConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s := lendSocket(b, (*bareRaw)(b))
	defer s.release()
	return s.Read(p)
}

// Write is that of a net.TCPConn.
func (b *bareConn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, b.writeNothing()
	}
	s := lendSocket(b, (*bareRaw)(b))
	defer s.release()
	return s.Write(p)
}

// writeNothing fails where nothing can be written.
func (b *bareConn) writeNothing() error {
	var failed error
	err := (*bareRaw)(b).Write(func(fd uintptr) bool {
		_, failed = syscall.Write(int(fd), nil)
		return true
	})
	if err == nil && failed != nil {
		err = b.failed("write", os.NewSyscallError("write", failed))
	}
	return named("write", err)
}

// TCP returns the connection as a net.TCPConn, or nil where the system has no
// room for another file. It can be used beside the bare one, which closes it.
func (b *bareConn) TCP() *net.TCPConn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		b.poll()
	}
	if b.tcp != nil || b.file == nil {
		return b.tcp
	}
	conn, err := net.FileConn(b.file)
	if err != nil {
		return nil
	}
	b.tcp = conn.(*net.TCPConn)
	b.tcp.SetReadDeadline(b.readBy)   //nolint:errcheck // a broken connection shows at the next read
	b.tcp.SetWriteDeadline(b.writeBy) //nolint:errcheck // as above
	return b.tcp
}

// Leave returns the connection for others to have: as TCP does, where that is
// possible.
func (b *bareConn) Leave() net.Conn {
	tcp := b.TCP()
	if tcp == nil {
		return b
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file != nil {
		b.file.Close()
		b.file = nil
		b.raw, _ = tcp.SyscallConn() // it is a connection
	}
	return tcp
}

// Close closes the connection.
func (b *bareConn) Close() error {
	b.mu.Lock()
	closed, file, tcp := b.closed, b.file, b.tcp
	if b.loop != nil {
		b.loop.close(b)
	}
	if b.fd >= 0 {
		closeNow(uintptr(b.fd))
	}
	b.closed, b.fd, b.file, b.raw = true, -1, nil, nil
	b.mu.Unlock()
	if closed {
		return b.failed("close", net.ErrClosed)
	}
	var err error
	if file != nil {
		err = file.Close()
	}
	if tcp != nil {
		err = tcp.Close()
	}
	return err
}

// CloseWrite ends the sending half.
func (b *bareConn) CloseWrite() error {
	return b.control("close", "shutdown", func(fd uintptr) error { return syscall.Shutdown(int(fd), syscall.SHUT_WR) })
}

// SetLinger is that of a net.TCPConn.
func (b *bareConn) SetLinger(sec int) error {
	linger := syscall.Linger{Linger: int32(max(sec, 0))}
	if sec >= 0 {
		linger.Onoff = 1
	}
	return b.control("set", "setsockopt", func(fd uintptr) error {
		return syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &linger)
	})
}

// control makes a system call.
func (b *bareConn) control(op, name string, call func(fd uintptr) error) error {
	var failed error
	if err := (*bareRaw)(b).Control(func(fd uintptr) { failed = call(fd) }); err != nil {
		return named(op, err)
	}
	if failed != nil {
		return b.failed(op, os.NewSyscallError(name, failed))
	}
	return nil
}

// LocalAddr is the address that the client has connected to.
func (b *bareConn) LocalAddr() net.Addr {
	if b.local != nil {
		return b.local
	}
	addr := new(net.TCPAddr)
	b.control("get", "getsockname", func(fd uintptr) error { //nolint:errcheck // one that is closed has none
		sa, err := syscall.Getsockname(int(fd))
		addr = net.TCPAddrFromAddrPort(addressOf(sa))
		return err
	})
	return addr
}

// RemoteAddr is the address of the client.
func (b *bareConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(b.remote) }

// SetDeadline is that of a net.TCPConn.
func (b *bareConn) SetDeadline(t time.Time) error {
	return errors.Join(b.SetReadDeadline(t), b.SetWriteDeadline(t))
}

// SetReadDeadline is that of a net.TCPConn.
func (b *bareConn) SetReadDeadline(t time.Time) error {
	return b.setDeadline(&b.readBy, t, (*os.File).SetReadDeadline, (*net.TCPConn).SetReadDeadline)
}

// SetWriteDeadline is that of a net.TCPConn.
func (b *bareConn) SetWriteDeadline(t time.Time) error {
	return b.setDeadline(&b.writeBy, t, (*os.File).SetWriteDeadline, (*net.TCPConn).SetWriteDeadline)
}

func (b *bareConn) setDeadline(by *time.Time, t time.Time, ofFile func(*os.File, time.Time) error, ofTCP func(*net.TCPConn, time.Time) error) (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*by = t
	switch {
	case b.closed:
		return b.failed("set", net.ErrClosed)
	case b.fd >= 0 && (t.IsZero() || b.loop != nil): // who waits for long leaves the loop, and is bound then
		return nil
	case b.fd >= 0:
		b.poll()
	}
	if b.file != nil {
		err = ofFile(b.file, t)
	}
	if b.tcp != nil {
		err = ofTCP(b.tcp, t)
	}
	return err
}
