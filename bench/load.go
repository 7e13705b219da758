package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// load is what the load generator is told.
type load struct {
	Kind   string // http, websocket, idle
	Addr   string // host:port of the router
	Conns  int
	Path   string
	TLS    bool
	Churn  bool  // a connection for every request
	Upload int64 // bytes of the request's body
	Routes int   // requests are spread evenly over so many hosts
	// Warm passes before the measurement, and Measure is how long that lasts.
	Warm, Measure time.Duration
}

// tally is what the load generator has seen.
type tally struct {
	Done     int64 // requests or messages
	Bytes    int64 // of bodies
	Failed   int64
	Seconds  float64
	P50, P99 float64 // µs
}

// generator is a load under way.
type generator struct {
	load
	began     atomic.Int64 // sockets that are open, for idle
	measuring atomic.Bool
	stop      atomic.Bool
	failed    atomic.Int64
}

// client is one connection's side of it.
type client struct {
	g        *generator
	n        int // which it is
	conn     net.Conn
	r        *bufio.Reader
	request  []byte
	sent     int
	done     int64
	bytes    int64
	took     []uint32 // ns
	payload  []byte
	received [256]byte
}

// runLoad prints "begin" when the measurement begins, "end" when it ends, and
// then the tally. An idle load lasts until standard input ends.
func runLoad(args []string) error {
	g := new(generator)
	if err := json.Unmarshal([]byte(args[0]), &g.load); err != nil {
		return err
	}
	clients := make([]*client, g.Conns)
	var all sync.WaitGroup
	for n := range clients {
		c := &client{g: g, n: n, sent: n * 7919}
		clients[n] = c
		all.Go(c.run)
	}
	if g.Kind == "idle" {
		for g.began.Load()+g.failed.Load() < int64(g.Conns) {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println("begin")
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			return err
		}
		os.Exit(0)
	}
	time.Sleep(g.Warm)
	fmt.Println("begin")
	g.measuring.Store(true)
	began := time.Now()
	time.Sleep(g.Measure)
	g.measuring.Store(false)
	seconds := time.Since(began).Seconds()
	fmt.Println("end")
	g.stop.Store(true)
	all.Wait()
	return json.NewEncoder(os.Stdout).Encode(g.sum(clients, seconds))
}

func (g *generator) sum(clients []*client, seconds float64) tally {
	t := tally{Seconds: seconds, Failed: g.failed.Load()}
	var took []uint32
	for _, c := range clients {
		t.Done += c.done
		t.Bytes += c.bytes
		took = append(took, c.took...)
	}
	slices.Sort(took)
	if len(took) > 0 {
		t.P50 = float64(took[len(took)/2]) / 1000
		t.P99 = float64(took[len(took)*99/100]) / 1000
	}
	return t
}

func (c *client) run() {
	c.payload = bytes.Repeat([]byte("u"), int(min(c.g.Upload, 64<<10)))
	for !c.g.stop.Load() {
		if err := c.connection(); err != nil {
			if c.g.failed.Add(1) == 1 {
				fmt.Fprintln(os.Stderr, "first failure:", err)
			}
			time.Sleep(time.Millisecond) // a router that is broken must not be hammered
		}
	}
}

// connection uses one connection for as long as it lasts.
func (c *client) connection() (err error) {
	// Source addresses are used in turn, or churn would use up the ports of one.
	c.sent++
	from := net.IPv4(127, 0, 0, byte(1+c.sent%200))
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).Dial("tcp", c.g.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if c.g.TLS {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: host(0), NextProtos: []string{"http/1.1"}})
	}
	c.use(conn)
	if c.g.Kind != "http" {
		return c.socket()
	}
	for first := true; !c.g.stop.Load() && (first || !c.g.Churn); first = false {
		began := time.Now()
		if err := c.exchange(); err != nil {
			return err
		}
		c.count(began)
	}
	return nil
}

// use makes a connection the client's.
func (c *client) use(conn net.Conn) {
	c.conn = conn
	if c.r != nil {
		c.r.Reset(conn)
		return
	}
	size := 64 << 10
	if c.g.Kind == "idle" {
		size = 256
	}
	c.r = bufio.NewReaderSize(conn, size)
}

func (c *client) count(began time.Time) {
	if c.g.measuring.Load() {
		c.done++
		c.took = append(c.took, uint32(min(time.Since(began), 4*time.Second)))
	}
}

// exchange sends one request and reads its reply.
func (c *client) exchange() error {
	c.sent++
	b := c.request[:0]
	if c.g.Upload > 0 {
		b = append(b, "POST "...)
	} else {
		b = append(b, "GET "...)
	}
	b = append(append(b, c.g.Path...), " HTTP/1.1\r\nHost: "...)
	b = append(b, host(c.sent%max(c.g.Routes, 1))...)
	b = append(b, "\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n"...)
	if c.g.Churn {
		b = append(b, "Connection: close\r\n"...)
	}
	if c.g.Upload > 0 {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), c.g.Upload, 10), "\r\n"...)
	}
	c.request = append(b, "\r\n"...)
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	for left := c.g.Upload; left > 0; {
		n, err := c.conn.Write(c.payload[:min(left, int64(len(c.payload)))])
		if err != nil {
			return err
		}
		left -= int64(n)
		c.carried(n)
	}
	return c.reply()
}

func (c *client) reply() error {
	h, err := readHead(c.r)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(h.first, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("got %s", h.first)
	}
	for left := h.length; left > 0; {
		if c.r.Buffered() == 0 {
			if _, err := c.r.Peek(1); err != nil {
				return err
			}
		}
		n, err := c.r.Discard(int(min(left, int64(c.r.Buffered()))))
		if err != nil {
			return err
		}
		left -= int64(n)
		c.carried(n)
	}
	return nil
}

// carried counts bytes of a body while they are measured.
func (c *client) carried(n int) {
	if c.g.measuring.Load() {
		c.bytes += int64(n)
	}
}

// socket opens a WebSocket and sends messages, or none.
func (c *client) socket() error {
	request := "GET /ws HTTP/1.1\r\nHost: " + host(0) + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if _, err := io.WriteString(c.conn, request); err != nil {
		return err
	}
	h, err := readHead(c.r)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(h.first, []byte("HTTP/1.1 101")) {
		return fmt.Errorf("got %s", h.first)
	}
	if c.g.Kind == "idle" {
		c.g.began.Add(1)
		_, err := c.r.ReadByte()
		return err
	}
	message := append([]byte{0x82, 0x80 | 64, 0, 0, 0, 0}, bytes.Repeat([]byte("m"), 64)...) // masked by zeros
	for !c.g.stop.Load() {
		began := time.Now()
		if _, err := c.conn.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(c.r, c.received[:len(message)]); err != nil {
			return err
		}
		c.count(began)
	}
	return nil
}
