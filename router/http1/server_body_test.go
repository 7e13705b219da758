package http1

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The client is told to go on when the handler wants the body, and not before
// (fault 24).
func TestContinueIsSentWhenTheBodyIsRead(t *testing.T) {
	asked, read := make(chan bool), make(chan bool)
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		<-read
		echo(w, r)
	})
	c := dial(t, addr)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	<-asked
	read <- true
	if line, _ := c.r.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	c.r.ReadString('\n')
	c.send("helloGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, body := c.reply("POST"); body != "POST a/ hello" {
		t.Errorf("got %q", body)
	}
	<-asked
	read <- true
	if _, body := c.reply("GET"); body != "GET a/next " {
		t.Errorf("got %q", body)
	}
}

// Nobody knows whether the body of a client comes that was answered instead.
func TestConnectionEndsWithoutTheContinue(t *testing.T) {
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	res, _ := c.reply("POST")
	if res.StatusCode != http.StatusForbidden || !res.Close {
		t.Errorf("got %s, close %v", res.Status, res.Close)
	}
}

// Fault 26.
func TestInformationalRepliesAreNotForHTTP10(t *testing.T) {
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusContinue)
		w.Header().Del("Link")
		echo(w, r)
	}))
	c.send("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
	if got := c.rest(); !strings.HasPrefix(got, "HTTP/1.0 200 OK\r\n") || strings.Count(got, "HTTP/") != 1 {
		t.Errorf("got %q", got)
	}
}

func TestInformationalRepliesGoOutAtOnce(t *testing.T) {
	going := make(chan bool)
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(http.StatusEarlyHints)
		<-going
		w.Header().Del("Link")
		w.Header().Set("Date", "now")
		w.WriteHeader(http.StatusNoContent)
	}))
	c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	head := make([]byte, len("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
	if _, err := io.ReadFull(c.r, head); err != nil || string(head) != "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" {
		t.Fatalf("got %q and %v", head, err)
	}
	going <- true
	if got := c.rest(); got != "HTTP/1.1 204 No Content\r\nDate: now\r\nConnection: close\r\n\r\n" {
		t.Errorf("got %q", got)
	}
}

// The client gets the reply though it still uploads (fault 25).
func TestEarlyRepliesReachAnUploadingClient(t *testing.T) {
	for _, head := range []string{"Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n"} {
		c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "too much", http.StatusRequestEntityTooLarge)
		}))
		c.send("POST / HTTP/1.1\r\nHost: a\r\n" + head + "\r\n")
		stopped := make(chan bool)
		go func() {
			defer close(stopped)
			chunk := []byte("10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n")
			for range 1000 {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}()
		res, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("got %s", res.Status)
		}
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "too much\n" {
			t.Errorf("got %q and %v", body, err)
		}
		c.Close()
		<-stopped
	}
}

// The reply goes out though somebody still waits for the body, as a transport may
// that got an early answer itself.
func TestEarlyRepliesDoNotWaitForWhoReadsTheBody(t *testing.T) {
	reading, failed := make(chan bool), make(chan error, 1)
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		go func() {
			var p [10]byte
			io.ReadFull(body, p[:5])
			close(reading)
			_, err := body.Read(p[:])
			failed <- err
			if n, err := body.Read(p[:]); err == nil {
				t.Errorf("later it reads %q", p[:n])
			}
		}()
		<-reading
		w.WriteHeader(http.StatusNoContent)
	}))
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
	if res, _ := c.reply("POST"); res.StatusCode != http.StatusNoContent {
		t.Errorf("got %s", res.Status)
	}
	if err := <-failed; err == nil {
		t.Error("the body was read")
	}
	c.rest()
}

// What nobody reads of a body is not taken for the next request.
func TestUnreadBodiesArePassed(t *testing.T) {
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) }))
	c.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\nGET /bad HTTP/1.1\r\nHost: a\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
	go c.send(strings.Repeat("x", 100000) + "GET /4 HTTP/1.1\r\nHost: a\r\n\r\n")
	for i := range 4 {
		if _, body := c.reply("POST"); body != "/"+strconv.Itoa(i+1) {
			t.Errorf("got %q, want /%d", body, i+1)
		}
	}
}

// The request's body and the reply go both ways at the same time.
func TestBothDirectionsGoAtTheSameTime(t *testing.T) {
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(w, strings.ToUpper(line))
			w.(http.Flusher).Flush()
		}
	}))
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range 3 {
		c.send("6\r\nhello\n\r\n")
		if i == 0 {
			for line := "x"; line != "\r\n"; {
				line, _ = c.r.ReadString('\n')
				if line == "" {
					t.Fatal("no head")
				}
			}
		}
		chunk := make([]byte, len("6\r\nHELLO\n\r\n"))
		if _, err := io.ReadFull(c.r, chunk); err != nil || string(chunk) != "6\r\nHELLO\n\r\n" {
			t.Fatalf("got %q and %v", chunk, err)
		}
	}
	c.send("0\r\n\r\n")
	if line, _ := c.r.ReadString('\n'); line != "0\r\n" {
		t.Errorf("got %q", line)
	}
}

func TestTrailersGoBothWays(t *testing.T) {
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-In"))
		w.Header().Set("Content-Length", "7")
		w.Header().Set(http.TrailerPrefix+"X-Late", "late")
	}))
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-In\r\n\r\n5\r\nhello\r\n0\r\nX-In: 42\r\n\r\n")
	res, body := c.reply("POST")
	if body != "hello" || res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-Late") != "late" || res.Trailer.Get("Content-Length") != "" {
		t.Errorf("got %q and %v", body, res.Trailer)
	}
}

// A client that has closed its half behind a request is served (fault 25b).
func TestHalfClosedClientsAreServed(t *testing.T) {
	begun, answer := make(chan *http.Request), make(chan bool)
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- r
		select {
		case <-answer:
			io.WriteString(w, "served")
		case <-r.Context().Done():
			t.Error("the context has ended")
		}
	}))
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	c.CloseWrite()
	<-begun
	time.Sleep(3 * lookForClients) // what is to be seen is that nothing happens
	answer <- true
	res, body := c.reply("GET")
	if res.StatusCode == http.StatusContinue {
		_, body = c.reply("GET")
	}
	if body != "served" {
		t.Errorf("got %q", body)
	}
	if rest := c.rest(); rest != "" {
		t.Errorf("then %q", rest)
	}
}

// Fault 54.
func TestContextEndsWhenTheClientIsGone(t *testing.T) {
	for name, leave := range map[string]func(*client){
		"close":              func(c *client) { c.Close() },
		"reset":              func(c *client) { c.reset() },
		"reset behind a FIN": func(c *client) { c.CloseWrite(); c.reset() },
	} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan bool), make(chan error, 1)
			c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				begun <- true
				<-r.Context().Done()
				ended <- r.Context().Err()
			}))
			c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			<-begun
			leave(c)
			select {
			case err := <-ended:
				if err == nil {
					t.Error("Err is nil")
				}
			case <-time.After(patience):
				t.Fatal("the context has not ended")
			}
		})
	}
}

// A body that breaks off is an error, and the end of its request's context.
func TestBrokenUploadsFail(t *testing.T) {
	for _, in := range []string{"Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"} {
		failed := make(chan error, 1)
		c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			failed <- err
			if r.Context().Err() == nil {
				t.Error("the context has not ended")
			}
		}))
		c.send("POST / HTTP/1.1\r\nHost: a\r\n" + in)
		c.CloseWrite()
		if err := <-failed; err != io.ErrUnexpectedEOF {
			t.Errorf("got %v", err)
		}
	}
}
