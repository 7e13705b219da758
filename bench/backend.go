package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
)

// runBackend serves until its standard input ends: small replies, large ones,
// uploads and echoing WebSockets, with as little work as HTTP allows, so that the
// router is what limits. It prints its address.
func runBackend() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	go acceptBackend(ln)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func acceptBackend(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go serveBackend(conn)
	}
}

var smallReply = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n\r\n" + string(bytes.Repeat([]byte("x"), 128)))

func serveBackend(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 8<<10)
	for {
		h, err := readHead(r)
		if err != nil {
			return
		}
		if h.length > 0 {
			if _, err := io.CopyN(io.Discard, r, h.length); err != nil {
				return
			}
		}
		size, isBytes := bytes.CutPrefix(h.path(), []byte("/bytes/"))
		switch {
		case h.key != "":
			echo(conn, r, h.key)
			return
		case isBytes:
			err = writeBytes(conn, number(string(size)))
		default:
			_, err = conn.Write(smallReply)
		}
		if err != nil || h.closes {
			return
		}
	}
}

var chunk = bytes.Repeat([]byte("0123456789abcdef"), 16<<10)

func writeBytes(conn net.Conn, n int64) error {
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " + strconv.FormatInt(n, 10) + "\r\n\r\n"
	if _, err := conn.Write([]byte(head)); err != nil {
		return err
	}
	for n > 0 {
		wrote, err := conn.Write(chunk[:min(n, int64(len(chunk)))])
		if err != nil {
			return err
		}
		n -= int64(wrote)
	}
	return nil
}

// echo switches to WebSocket and sends every byte back as it came. No router
// looks into frames, so they stay masked.
func echo(conn net.Conn, r *bufio.Reader, key string) {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
	if _, err := conn.Write([]byte(head)); err != nil {
		return
	}
	buf := make([]byte, 1024)
	for {
		n, err := r.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

// head is what both ends of the bench need to know of a message's head.
type head struct {
	first  []byte // line; valid until the next head is read
	length int64  // Content-Length; 0 when there is none
	closes bool
	key    string // of a WebSocket
}

func (h *head) path() []byte {
	_, rest, _ := bytes.Cut(h.first, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	return path
}

// readHead reads a head whose first line fits into the reader's buffer. It is
// the bench's own messages that it reads: no hostile ones.
func readHead(r *bufio.Reader) (h head, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return h, err
	}
	h.first = append(make([]byte, 0, 128), line...)
	for {
		line, err = r.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return h, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case len(name) == 14 && bytes.EqualFold(name, []byte("content-length")):
			h.length = number(string(value))
		case len(name) == 10 && bytes.EqualFold(name, []byte("connection")):
			h.closes = bytes.EqualFold(value, []byte("close"))
		case len(name) == 17 && bytes.EqualFold(name, []byte("sec-websocket-key")):
			h.key = string(value)
		}
	}
}
