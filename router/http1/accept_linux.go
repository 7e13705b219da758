package http1

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// bareListener accepts connections without telling the scheduler of it, and has
// nobody but the system know of those that it has accepted.
type bareListener struct {
	file   *os.File
	raw    syscall.RawConn
	addr   net.Addr
	local  net.Addr              // of each connection; nil where that is not known
	try    func(fd uintptr) bool // accept, made once
	closed atomic.Bool

	mu     sync.Mutex // guards all below: one Accept waits at a time
	fd     int
	remote netip.AddrPort
	err    syscall.Errno
}

// Unpolled returns a listener for Server that takes the place of a TCP one, whose
// connections cost less until somebody has to wait for them. What is set on
// the socket that listens, such as keep-alive, is so for each of them. Elsewhere
// than on Linux it is the same listener.
func Unpolled(l net.Listener) net.Listener {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return l
	}
	file, err := tcp.File()
	if err != nil {
		return l // which does as well
	}
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return l
	}
	raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) }) //nolint:errcheck // as in package net
	bare := &bareListener{file: file, raw: raw, addr: l.Addr()}
	bare.try = bare.accept
	if addr, ok := bare.addr.(*net.TCPAddr); ok && !addr.IP.IsUnspecified() {
		bare.local = addr
	}
	l.Close()
	return bare
}

// Accept returns a client's connection.
func (l *bareListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.raw.Read(l.try); err != nil {
		if l.closed.Load() {
			err = net.ErrClosed
		}
		return nil, l.failed(err)
	}
	if l.err != 0 {
		return nil, l.failed(os.NewSyscallError("accept4", l.err))
	}
	return &bareConn{fd: l.fd, local: l.local, remote: l.remote}, nil
}

func (l *bareListener) accept(fd uintptr) bool {
	for {
		l.fd, l.remote, l.err = acceptNow(fd)
		switch l.err {
		case syscall.EINTR, syscall.ECONNABORTED: // it was closed while it waited
			continue
		}
		return l.err != syscall.EAGAIN
	}
}

func (l *bareListener) failed(err error) error {
	return &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: err}
}

// Addr is the address that is listened at.
func (l *bareListener) Addr() net.Addr { return l.addr }

// SetDeadline bounds how long Accept waits.
func (l *bareListener) SetDeadline(t time.Time) error { return l.file.SetDeadline(t) }

// SyscallConn is that of a net.TCPListener.
func (l *bareListener) SyscallConn() (syscall.RawConn, error) { return l.raw, nil }

// Close makes Accept fail.
func (l *bareListener) Close() error {
	if l.closed.Swap(true) {
		return l.failed(net.ErrClosed)
	}
	return l.file.Close()
}

// addressOf is an address of TCP.
func addressOf(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(inZone(netip.AddrFrom16(sa.Addr), sa.ZoneId), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// addressIn reads what the system has written of an address.
func addressIn(any *syscall.RawSockaddrAny) netip.AddrPort {
	port := func(n *uint16) uint16 { b := (*[2]byte)(unsafe.Pointer(n)); return uint16(b[0])<<8 | uint16(b[1]) }
	switch any.Addr.Family {
	case syscall.AF_INET:
		sa := (*syscall.RawSockaddrInet4)(unsafe.Pointer(any))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), port(&sa.Port))
	case syscall.AF_INET6:
		sa := (*syscall.RawSockaddrInet6)(unsafe.Pointer(any))
		return netip.AddrPortFrom(inZone(netip.AddrFrom16(sa.Addr), sa.Scope_id), port(&sa.Port))
	}
	return netip.AddrPort{}
}

// inZone is an address as package net has it.
func inZone(addr netip.Addr, id uint32) netip.Addr {
	addr = addr.Unmap()
	if id == 0 || !addr.Is6() {
		return addr
	}
	link, err := net.InterfaceByIndex(int(id))
	if err != nil {
		return addr
	}
	return addr.WithZone(link.Name)
}
