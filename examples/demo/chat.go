package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// maxClients bounds the WebSockets that are open at a time, of the room and
	// the echo together.
	maxClients = 200

	// maxText bounds one message of the room, in bytes, and maxEcho one of the echo.
	maxText = 4 << 10
	maxEcho = 64 << 10

	// maxWaiting is how many messages may wait for a client of the room. One
	// that reads slower than the others write is disconnected.
	maxWaiting = 64

	// writeTime is how long a client may take to accept one message.
	writeTime = 5 * time.Second
)

// chat is one room, in which everybody hears everybody, and an echo.
type chat struct {
	slots   chan struct{}  // one value for each WebSocket that is open
	serving sync.WaitGroup // the handlers of WebSockets, which Shutdown does not wait for

	mu     sync.Mutex // guards all below; sends made under it never block
	guests map[*guest]struct{}
	number int // of the guest who came last
}

// guest is one client of the room.
type guest struct {
	name    string
	waiting chan []byte // closed when the guest is out of the room
}

// message is what guests receive, as JSON. They send plain text.
type message struct {
	From    string `json:"from"`
	Text    string `json:"text"`
	Present int    `json:"present"` // how many are in the room
}

func newChat() *chat {
	return &chat{slots: make(chan struct{}, maxClients), guests: make(map[*guest]struct{})}
}

func (c *chat) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, static, "static/chat.html")
	})
	mux.Handle("GET /style.css", staticFiles)
	mux.Handle("GET /chat.js", staticFiles)
	mux.HandleFunc("GET /room", c.upgrade(maxText, c.serveGuest))
	mux.HandleFunc("GET /echo", c.upgrade(maxEcho, serveEcho))
	return mux
}

// wait returns when the WebSockets have ended that were open when the server
// was shut down.
func (c *chat) wait() { c.serving.Wait() }

// upgrade returns a handler that makes WebSockets of requests, and closes them
// when serve returns or ctx ends, which is when the app stops.
func (c *chat) upgrade(limit int64, serve func(ctx context.Context, conn *websocket.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		default:
			http.Error(w, fmt.Sprintf("%d clients are connected, which is as many as this demo serves", maxClients), http.StatusServiceUnavailable)
			return
		}
		// Before the connection is a WebSocket, Shutdown waits for this handler;
		// so no handler is added once it has returned.
		c.serving.Add(1)
		defer c.serving.Done()
		conn, err := websocket.Accept(w, r, nil) // refuses pages of other origins
		if err != nil {
			return // and has answered
		}
		defer conn.CloseNow()
		conn.SetReadLimit(limit)
		serve(r.Context(), conn)
	}
}

// serveEcho sends every message back as it came.
func serveEcho(ctx context.Context, conn *websocket.Conn) {
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if write(ctx, conn, kind, data) != nil {
			return
		}
	}
}

// serveGuest is the life of one guest: in, talking and listening, out.
func (c *chat) serveGuest(ctx context.Context, conn *websocket.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	g := c.enter()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel() // whoever cannot be written to is not read from either
		g.listen(ctx, conn)
	})
	c.hear(ctx, g, conn)
	c.leave(g)
	cancel()
	wg.Wait()
}

// listen writes what waits for the guest, until there will be no more.
func (g *guest) listen(ctx context.Context, conn *websocket.Conn) {
	for data := range g.waiting {
		if write(ctx, conn, websocket.MessageText, data) != nil {
			return
		}
	}
}

// hear reads what the guest says, until the guest is gone.
func (c *chat) hear(ctx context.Context, g *guest, conn *websocket.Conn) {
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			conn.Close(websocket.StatusUnsupportedData, "the room takes text only")
			return
		}
		c.mu.Lock()
		c.tell(g.name, string(data))
		c.mu.Unlock()
	}
}

func (c *chat) enter() *guest {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	g := &guest{name: fmt.Sprintf("guest %d", c.number), waiting: make(chan []byte, maxWaiting)}
	c.guests[g] = struct{}{}
	c.tell(g.name, "came in")
	return g
}

func (c *chat) leave(g *guest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(g)
	c.tell(g.name, "left")
}

// tell sends a message to all guests. Those who have too many waiting already
// are put out. The caller holds c.mu.
func (c *chat) tell(from, text string) {
	data, err := json.Marshal(message{From: from, Text: text, Present: len(c.guests)})
	if err != nil {
		panic(err) // two strings and a number are always JSON
	}
	for g := range c.guests {
		select {
		case g.waiting <- data:
		default:
			c.remove(g)
		}
	}
}

// remove puts a guest out, unless that has been done. The caller holds c.mu.
func (c *chat) remove(g *guest) {
	if _, present := c.guests[g]; present {
		delete(c.guests, g)
		close(g.waiting)
	}
}

func write(ctx context.Context, conn *websocket.Conn, kind websocket.MessageType, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return conn.Write(ctx, kind, data)
}
