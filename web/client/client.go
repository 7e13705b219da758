// Package client reads the API of a running devrouter on this machine, which
// package web serves: values as JSON, and streams of what changes.
//
// It is the command line's way to the appliance, and changes nothing there. It
// goes past every proxy of the environment. Its errors are sentences for the
// person at the terminal.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Options say where the appliance is. They are the values of its own
// configuration.
type Options struct {
	// Host is what the admin port listens on: an address or a name. Loopback
	// addresses stand for each other, as does one that is every interface. Empty is
	// loopback.
	Host string
	// Port is the admin port.
	Port uint16
	// User and Pass are status.user and status.pass. An empty User sends neither.
	User, Pass string
	// Timeout bounds one answer. Zero means 10 seconds. Streams have no end.
	Timeout time.Duration
}

// Client asks one appliance. Any goroutine may use it. New makes one.
type Client struct {
	o       Options
	base    string
	targets []string // what is dialled, in this order
	http    *http.Client
}

// New returns a client, which connects when it is first asked.
func New(o Options) *Client {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	c := &Client{o: o, targets: targets(o.Host, o.Port)}
	c.base = "http://" + c.targets[0]
	c.http = &http.Client{
		Transport: &http.Transport{DialContext: c.dial, DisableCompression: true, ResponseHeaderTimeout: o.Timeout},
		// Whoever redirects is no devrouter.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// URL is where the admin port is looked for first: http://127.0.0.1:8082.
func (c *Client) URL() string { return c.base }

// targets are the addresses under which a host is reached from this machine.
func targets(host string, port uint16) []string {
	v4, v6 := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))), net.JoinHostPort("::1", strconv.Itoa(int(port)))
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || host == "localhost" || host == "127.0.0.1" || err == nil && ip.IsUnspecified():
		return []string{v4, v6}
	case host == "::1":
		return []string{v6}
	}
	return []string{net.JoinHostPort(host, strconv.Itoa(int(port)))}
}

func (c *Client) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	var first error
	for _, addr := range c.targets {
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil {
			return conn, nil
		}
		first = cmp.Or(first, err)
	}
	return nil, &NotRunningError{URL: c.base, Err: first}
}

// NotRunningError says that nothing listens where the appliance should.
type NotRunningError struct {
	URL string // "" where nobody knows
	Err error
	// Others are the addresses of appliances that are hardly meant.
	Others []string
}

func (e *NotRunningError) Error() string {
	where := "answers at " + e.URL
	if e.URL == "" {
		where = "that reads this routes file runs"
	}
	text := fmt.Sprintf("no devrouter %s: start one with `devrouter`, or say where it is with --status-port (DEVROUTER_STATUS_PORT)", where)
	if len(e.Others) > 0 {
		text += "; others answer at " + strings.Join(e.Others, ", ")
	}
	return text
}

func (e *NotRunningError) Unwrap() error { return e.Err }

// IsNotRunning says whether an error means that there is no appliance, or none yet.
func IsNotRunning(err error) bool {
	_, ok := errors.AsType[*NotRunningError](err)
	return ok
}

// maxAnswer bounds what an answer may hold: a table of 250,000 routes has its place.
const maxAnswer = 512 << 20

// JSON asks for a path, such as /api/state, and decodes the answer into v.
func (c *Client) JSON(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	res, err := c.get(ctx, path, "application/json")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	// A Decoder takes twice as long, which at 5,000 routes people notice.
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(answer, v)
	}
	if err != nil {
		return fmt.Errorf("the answer of %s%s is not to be read: %w; is it a devrouter of another version?", c.base, path, err)
	}
	return nil
}

// get returns an answer with 200 and the type that was asked for.
func (c *Client) get(ctx context.Context, path, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	if c.o.User != "" {
		req.SetBasicAuth(c.o.User, c.o.Pass)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if err := c.check(res, path, accept); err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

func (c *Client) explain(err error) error {
	if none, ok := errors.AsType[*NotRunningError](err); ok {
		return none
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("what listens at %s has not answered within %v: is it a devrouter? --status-port (DEVROUTER_STATUS_PORT) names another port", c.base, c.o.Timeout)
	}
	return fmt.Errorf("ask %s: %w", c.base, err)
}

// isOurs says whether an answer has the headers that package web gives each.
func isOurs(h http.Header) bool {
	return h.Get("Cross-Origin-Resource-Policy") == "same-origin" && h.Get("Content-Security-Policy") != ""
}

// refusal is as much of an answer that refuses as is worth telling.
const refusal = 512

func (c *Client) check(res *http.Response, path, accept string) error {
	switch res.StatusCode {
	case http.StatusOK:
		if kind := res.Header.Get("Content-Type"); kind != accept {
			return fmt.Errorf("what answers at %s is no devrouter: %s is %q, not %q; --status-port (DEVROUTER_STATUS_PORT) names another port", c.base, path, kind, accept)
		}
		return nil
	case http.StatusUnauthorized:
		return fmt.Errorf("%s asks for a password: set status.user and status.pass in devrouter.yml as it has them", c.base)
	case http.StatusNotFound:
		if !isOurs(res.Header) {
			break
		}
		fallthrough
	case http.StatusServiceUnavailable, http.StatusMisdirectedRequest, http.StatusForbidden, http.StatusInternalServerError:
		text, _ := io.ReadAll(io.LimitReader(res.Body, refusal)) // as much as there is
		return fmt.Errorf("%s refuses: %q", c.base, bytes.TrimSpace(text))
	}
	return fmt.Errorf("what answers at %s is no devrouter, or one of another version: %s gives %s; --status-port (DEVROUTER_STATUS_PORT) names another port", c.base, path, res.Status)
}
