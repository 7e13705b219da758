package router

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
)

// An endpoint answers as soon as it has read a body, and the router may learn
// that before the end of what it has sent itself: the client's connection is kept
// all the same.
func TestUploadsKeepTheConnection(t *testing.T) {
	f := start(t, nil)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if n != 1<<20 || err != nil {
			t.Errorf("the endpoint got %d bytes, %v", n, err)
		}
	}))
	t.Cleanup(backend.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(backend.URL, "http://"), ":")
	f.publish("router.register", `{"host":"127.0.0.1","port":%s,"uris":["up.test"]}`, port)

	body := bytes.Repeat([]byte("u"), 1<<20)
	made := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if !c.Reused {
			made++
		}
	}})
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for range 400 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "up.test"
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("got %s", res.Status)
		}
	}
	if made > 10 { // one, but for a machine that is busy for the while that is waited; it were about 27
		t.Errorf("400 uploads took %d connections", made)
	}
}

// What the kernel carries of an upload arrives as it was sent, with what was copied
// before and behind it.
func TestLargeUploadsArriveWhole(t *testing.T) {
	f := start(t, nil)
	sums := make(chan [sha256.Size]byte, 1)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		io.Copy(sum, r.Body)
		sums <- [sha256.Size]byte(sum.Sum(nil))
	}))
	t.Cleanup(backend.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(backend.URL, "http://"), ":")
	f.publish("router.register", `{"host":"127.0.0.1","port":%s,"uris":["up.test"]}`, port)

	body := make([]byte, 40<<20+321)
	rand.NewChaCha8([32]byte{}).Read(body)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.base, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "up.test"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := <-sums; res.StatusCode != http.StatusOK || got != sha256.Sum256(body) {
		t.Errorf("got %s, and the endpoint the sum %x", res.Status, got)
	}
}
