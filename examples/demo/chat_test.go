package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

func TestEverybodyInTheRoomHearsEverybody(t *testing.T) {
	addr := startDemo(t).Chat
	first := dialWebSocket(t, addr, "/room")
	expect(t, first, "guest 1", "came in", 1)
	second := dialWebSocket(t, addr, "/room")
	expect(t, first, "guest 2", "came in", 2)
	expect(t, second, "guest 2", "came in", 2)

	hostile := `<script>alert("1")</script>` + "\x00\u2028"
	say(t, second, hostile)
	expect(t, first, "guest 2", hostile, 2)
	expect(t, second, "guest 2", hostile, 2)

	second.Close(websocket.StatusNormalClosure, "")
	expect(t, first, "guest 2", "left", 1)
}

func TestEchoSendsBackWhatItGets(t *testing.T) {
	conn := dialWebSocket(t, startDemo(t).Chat, "/echo")
	conn.SetReadLimit(maxEcho)
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		want := bytes.Repeat([]byte("x"), maxEcho)
		if err := conn.Write(t.Context(), kind, want); err != nil {
			t.Fatal(err)
		}
		gotKind, got, err := conn.Read(t.Context())
		if err != nil || gotKind != kind || !bytes.Equal(got, want) {
			t.Errorf("got %v of %d bytes, error %v, want %v of %d", gotKind, len(got), err, kind, len(want))
		}
	}
}

func TestMessagesThatAreNotAcceptedEndTheConnection(t *testing.T) {
	addr := startDemo(t).Chat
	tests := []struct {
		path string
		kind websocket.MessageType
		size int
		want websocket.StatusCode
	}{
		{"/room", websocket.MessageText, maxText + 1, websocket.StatusMessageTooBig},
		{"/room", websocket.MessageBinary, 1, websocket.StatusUnsupportedData},
		{"/echo", websocket.MessageText, maxEcho + 1, websocket.StatusMessageTooBig},
	}
	for _, tt := range tests {
		conn := dialWebSocket(t, addr, tt.path)
		if err := conn.Write(t.Context(), tt.kind, make([]byte, tt.size)); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			_, _, err = conn.Read(t.Context())
		}
		if got := websocket.CloseStatus(err); got != tt.want {
			t.Errorf("%s, %v of %d bytes: got %v, want close status %d", tt.path, tt.kind, tt.size, err, tt.want)
		}
	}
}

func TestClientsAreLimited(t *testing.T) {
	addr := startDemo(t).Chat
	conns := make([]*websocket.Conn, maxClients)
	for i := range conns {
		conns[i] = dialWebSocket(t, addr, "/echo")
	}
	if status := refusal(t, addr, "/room", nil); status != http.StatusServiceUnavailable {
		t.Errorf("one client too many: got status %d, want 503", status)
	}
	conns[0].Close(websocket.StatusNormalClosure, "")
	eventually(t, "a place is free again", func() bool {
		conn, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/room", nil)
		if err == nil {
			conn.CloseNow()
		}
		return err == nil
	})
}

func TestPagesOfOtherOriginsAreRefused(t *testing.T) {
	addr := startDemo(t).Chat
	if status := refusal(t, addr, "/room", http.Header{"Origin": {"http://evil.example"}}); status != http.StatusForbidden {
		t.Errorf("got status %d, want 403", status)
	}
}

func TestSlowGuestIsPutOut(t *testing.T) {
	c := newChat()
	slow, quick := c.enter(), c.enter()
	for range maxWaiting {
		c.mu.Lock()
		c.tell("test", "hello")
		c.mu.Unlock()
		for len(quick.waiting) > 0 {
			<-quick.waiting
		}
	}
	heard := 0
	for range slow.waiting { // ends, because the channel is closed
		heard++
	}
	if heard != maxWaiting {
		t.Errorf("the slow guest got %d messages, want %d", heard, maxWaiting)
	}
	if _, present := c.guests[quick]; !present || len(c.guests) != 1 {
		t.Errorf("got %d guests, want the quick one alone", len(c.guests))
	}
	c.leave(slow) // what its handler does next
	var left message
	if err := json.Unmarshal(<-quick.waiting, &left); err != nil || left != (message{slow.name, "left", 1}) {
		t.Errorf("got %+v, error %v, want that %s left", left, err, slow.name)
	}
}

func TestChatServesItsPage(t *testing.T) {
	chat := "http://" + startDemo(t).Chat
	for path, want := range map[string]string{"/": `src="chat.js"`, "/chat.js": "WebSocket", "/style.css": "color-scheme"} {
		if _, body := get(t, http.DefaultClient, chat+path, "", http.StatusOK); !strings.Contains(body, want) {
			t.Errorf("%s: got %q, want it to contain %q", path, body, want)
		}
	}
	get(t, http.DefaultClient, chat+"/room", "", http.StatusUpgradeRequired)
}

func dialWebSocket(t *testing.T, addr, path string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws://"+addr+path, nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// refusal returns the status of a request for a WebSocket that must fail.
func refusal(t *testing.T, addr, path string, header http.Header) int {
	t.Helper()
	conn, res, err := websocket.Dial(t.Context(), "ws://"+addr+path, &websocket.DialOptions{HTTPHeader: header})
	if err == nil {
		conn.CloseNow()
		t.Fatalf("%s: got a WebSocket, want a refusal", path)
	}
	if res == nil {
		t.Fatalf("%s: %v", path, err)
	}
	return res.StatusCode
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, conn *websocket.Conn, from, text string, present int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		t.Fatalf("waiting for %q of %s: %v", text, from, err)
	}
	var got message
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	if want := (message{from, text, present}); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}
