package router

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Whatever else goes on, each reply belongs to its request: many clients with kept
// connections mix uploads, early replies, trailers, upgrades, bodies that break
// off, and leave at any moment. Each request has a name, which its endpoint
// repeats in the head of its reply, in each line of the body, and in the trailer.
func TestRepliesBelongToTheirRequests(t *testing.T) {
	f := start(t, nil)
	var wrong atomic.Int32
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, repeatName))
	const clients, requests = 8, 60
	var wg sync.WaitGroup
	var whole atomic.Int32
	for n := range clients {
		wg.Go(func() {
			c := &namedClient{addr: strings.TrimPrefix(f.base, "http://"), random: rand.New(rand.NewPCG(1, uint64(n)))}
			defer c.leave()
			for i := range requests {
				if wrong.Load() > 0 {
					return
				}
				ok, err := c.request(fmt.Sprintf("c%d-%d", n, i))
				if err != nil {
					wrong.Add(1)
					t.Error(err)
				}
				if ok {
					whole.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if whole.Load() < clients*requests/3 {
		t.Errorf("%d of %d requests were whole", whole.Load(), clients*requests)
	}
	f.eventually("the end of all requests", func() bool {
		instance := f.router.table.Lookup("app.test", "/").Instances()[0]
		return f.router.proxy.InFlight() == 0 && instance.Live().InFlight() == 0
	})
}

// repeatName is the endpoint.
func repeatName(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("X-Name")
	lines, _ := strconv.Atoi(r.Header.Get("X-Lines"))
	if r.Header.Get("Upgrade") != "" {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Name: %s\r\n\r\n", name)
		io.Copy(conn, buffered)
		return
	}
	w.Header().Set("X-Name", name)
	line := name + "\n"
	how := r.Header.Get("X-How")
	if how != "early" {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if strings.ReplaceAll(string(body), line, "") != "" {
			line = "the body of another request\n"
		}
		if got := r.Trailer.Get("X-Sent"); got != "" && got != name {
			line = "the trailer of another request\n"
		}
	}
	switch how {
	case "length", "break":
		w.Header().Set("Content-Length", strconv.Itoa(lines*len(line)))
	case "hints":
		w.Header().Set("Link", name)
		w.WriteHeader(http.StatusEarlyHints)
	case "trailer":
		w.Header().Set("Trailer", "X-End")
	}
	for n := range lines {
		io.WriteString(w, line)
		if how == "break" && n == lines/2-1 {
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	if how == "trailer" {
		w.Header().Set("X-End", name)
	}
}

// namedClient is a client with one connection at a time.
type namedClient struct {
	addr   string
	random *rand.Rand
	conn   net.Conn
	in     *bufio.Reader
}

func (c *namedClient) leave() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// oneOf returns one of its arguments.
func (c *namedClient) oneOf(of ...string) string { return of[c.random.IntN(len(of))] }

// request makes a request of some kind. It returns whether it has a whole reply,
// and an error when that is not its own.
func (c *namedClient) request(name string) (whole bool, err error) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			return false, err
		}
		conn.SetDeadline(time.Now().Add(time.Minute))
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	how := c.oneOf("length", "length", "chunks", "hints", "trailer", "early", "break", "upgrade")
	sends := c.oneOf("nothing", "length", "chunks", "chunks and a trailer")
	leaves := c.random.IntN(6) == 0
	size := []int{2, 10, 1000, 8000}[c.random.IntN(4)]
	if how == "upgrade" {
		defer c.leave()
		sends = "nothing"
	}
	if leaves {
		defer c.leave()
		gone := c.closeSoon()
		defer func() { <-gone }()
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(name, how, sends, size)
	}()
	res, err := c.reply(name, how)
	if err != nil {
		c.conn.Close()
	}
	<-sent
	if err != nil || res.Close {
		c.leave()
	}
	if !errors.Is(err, errWrong) {
		return err == nil, nil // a connection that ends is nobody else's
	}
	return false, err
}

// closeSoon closes the connection at any moment.
func (c *namedClient) closeSoon() (gone chan struct{}) {
	gone = make(chan struct{})
	conn, turns := c.conn, c.random.IntN(3)*1000
	go func() {
		defer close(gone)
		for range turns {
			runtime.Gosched()
		}
		conn.Close()
	}()
	return gone
}

var errWrong = errors.New("wrong")

func (c *namedClient) send(name, how, sends string, size int) {
	line := name + "\n"
	w := bufio.NewWriter(c.conn)
	defer w.Flush()
	fmt.Fprintf(w, "%s / HTTP/1.1\r\nHost: app.test\r\nX-Name: %s\r\nX-How: %s\r\nX-Lines: %d\r\n", "POST", name, how, size)
	if how == "upgrade" {
		fmt.Fprintf(w, "Connection: Upgrade\r\nUpgrade: echo\r\n\r\n%s", line)
		return
	}
	switch sends {
	case "nothing":
		w.WriteString("\r\n")
	case "length":
		fmt.Fprintf(w, "Content-Length: %d\r\n\r\n%s", size*len(line), strings.Repeat(line, size))
	default:
		w.WriteString("Transfer-Encoding: chunked\r\n")
		if sends != "chunks" {
			w.WriteString("Trailer: X-Sent\r\n")
		}
		w.WriteString("\r\n")
		for n := size; n > 0; n -= 500 {
			chunk := strings.Repeat(line, min(n, 500))
			fmt.Fprintf(w, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		w.WriteString("0\r\n")
		if sends != "chunks" {
			fmt.Fprintf(w, "X-Sent: %s\r\n", name)
		}
		w.WriteString("\r\n")
	}
}

// reply reads a reply, and looks whose it is.
func (c *namedClient) reply(name, how string) (*http.Response, error) {
	line := name + "\n"
	for {
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return nil, err
		}
		if res.StatusCode == http.StatusEarlyHints {
			if got := res.Header.Get("Link"); got != name {
				return nil, fmt.Errorf("%s: %w hint: %q", name, errWrong, got)
			}
			continue
		}
		if res.StatusCode >= 400 {
			io.Copy(io.Discard, res.Body)
			return nil, errors.New(res.Status)
		}
		if got := res.Header.Get("X-Name"); got != name {
			return nil, fmt.Errorf("%s: %w head: %v", name, errWrong, res.Header)
		}
		if res.StatusCode == http.StatusSwitchingProtocols {
			got, err := c.in.ReadString('\n')
			if err == nil && got != line {
				return nil, fmt.Errorf("%s: %w tunnel: %q", name, errWrong, got)
			}
			return res, err
		}
		body, err := io.ReadAll(res.Body)
		if rest := strings.ReplaceAll(string(body), line, ""); !strings.HasPrefix(line, rest) {
			return nil, fmt.Errorf("%s: %w body: %q", name, errWrong, rest)
		}
		if err != nil {
			return nil, err
		}
		if how == "break" {
			return nil, fmt.Errorf("%s: a %w end of a body that broke off after %d bytes", name, errWrong, len(body))
		}
		if got := res.Trailer.Get("X-End"); how == "trailer" && got != name {
			return nil, fmt.Errorf("%s: %w trailer: %q", name, errWrong, got)
		}
		return res, nil
	}
}
