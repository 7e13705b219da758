package appliance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Fault 73: as many look at a time as there are turns; who has begun to answer, does
// not only look, or asks for the health, needs none.
func TestThoseWhoLookTakeTurns(t *testing.T) {
	turns := make(turns, 1)
	looking, goOn := make(chan string, 10), make(chan bool)
	h := turns.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		looking <- r.URL.Path
		if r.URL.Path == "/stream" {
			io.WriteString(w, "begun")
			http.NewResponseController(w).Flush()
		}
		<-goOn
		fmt.Fprint(w, "seen")
	}))
	s := httptest.NewServer(h)
	defer s.Close()
	answered := make(chan int, 10)
	ask := func(method, path string) {
		r, _ := http.NewRequest(method, s.URL+path, nil)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		answered <- res.StatusCode
	}
	wants := func(path string) {
		t.Helper()
		if got := <-looking; got != path {
			t.Fatalf("%s is seen to, want %s", got, path)
		}
	}
	go ask("GET", "/stream")
	wants("/stream")
	go ask("GET", "/one")
	wants("/one") // the stream has begun
	go ask("GET", "/two")
	go ask("POST", "/replay")
	wants("/replay")
	go ask("GET", "/health")
	wants("/health")
	if len(looking) > 0 {
		t.Errorf("%s is seen to, though the turn is taken", <-looking)
	}
	close(goOn)
	wants("/two")
	for range 5 {
		if status := <-answered; status != 200 {
			t.Errorf("got %d", status)
		}
	}
	if len(turns) > 0 {
		t.Error("a turn was not given back")
	}
}

// Who leaves before a turn comes leaves nothing behind.
func TestWhoLeavesTakesNoTurn(t *testing.T) {
	turns := make(turns, 1)
	turns <- struct{}{}
	r := httptest.NewRequest("GET", "/", nil)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	turns.handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was seen to") })).
		ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
	<-turns
	if len(turns) > 0 {
		t.Error("a turn was taken")
	}
}
