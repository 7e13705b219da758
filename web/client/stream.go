package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Event is one server-sent event of a stream.
type Event struct {
	Name string // snapshot, event, routes, …; "message" when it has none
	Data []byte // JSON
}

// silence is how long a stream may say nothing: the server speaks every 15 s.
const silence = 45 * time.Second

// maxLine bounds one line of a stream; a snapshot stands on one.
const maxLine = maxAnswer

// Follow reads the stream at a path, such as /api/events, and calls each for
// every event in order, until ctx ends, which is no error, or each returns an
// error, which Follow returns. Where the stream cannot be opened to begin with,
// that is the error.
//
// A stream that breaks off later is opened again, for as long as it takes: lost,
// when not nil, is told why, once for each loss. What each is called with next
// is the beginning of a new stream, as a rule a snapshot; the appliance may be
// another process by then.
func (c *Client) Follow(ctx context.Context, path string, each func(Event) error, lost func(error)) error {
	pause, opened := time.Second, false
	for told := false; ; {
		err := c.follow(ctx, path, &pause, func() { opened, told = true, false }, each)
		if ctx.Err() != nil {
			return nil
		}
		if stop, ok := errors.AsType[*stopError](err); ok {
			return stop.err
		}
		if !opened {
			return err
		}
		if !told && lost != nil {
			lost(err)
		}
		told = true
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// stopError is what each returned.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// follow reads one stream to its end, which is always an error.
func (c *Client) follow(ctx context.Context, path string, pause *time.Duration, opened func(), each func(Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	res, err := c.get(ctx, path, "text/event-stream")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	opened()
	quiet := time.AfterFunc(silence, func() { cancel(fmt.Errorf("%s has said nothing for %v", c.base, silence)) })
	defer quiet.Stop()
	r := reader{lines: bufio.NewReaderSize(res.Body, 64<<10), alive: func() { quiet.Reset(silence) }, retry: pause}
	for {
		e, err := r.next()
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			if err == io.ErrUnexpectedEOF {
				return fmt.Errorf("the stream of %s has ended", c.base)
			}
			return fmt.Errorf("the stream of %s has ended: %w", c.base, err)
		}
		if err := each(e); err != nil {
			return &stopError{err}
		}
	}
}

// reader takes a stream apart into events.
type reader struct {
	lines *bufio.Reader
	alive func()         // called for every line
	retry *time.Duration // what the server says to wait before the next attempt
}

// next returns the next event that has data.
func (r *reader) next() (Event, error) {
	e := Event{Name: "message"}
	for {
		line, err := r.line()
		if err != nil {
			return e, err
		}
		if len(line) == 0 {
			if e.Data != nil {
				return e, nil
			}
			e = Event{Name: "message"}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			e.Name = string(value)
		case "data":
			if e.Data != nil {
				e.Data = append(e.Data, '\n')
			}
			e.Data = append(e.Data, value...)
		case "retry":
			r.setRetry(string(value))
		}
	}
}

// setRetry takes what is reasonable: the other end is a program on this machine.
func (r *reader) setRetry(text string) {
	if ms, err := strconv.Atoi(text); err == nil && ms >= 0 {
		*r.retry = min(max(time.Duration(ms)*time.Millisecond, 100*time.Millisecond), 10*time.Second)
	}
}

// line returns the next line without its end, in memory that the next call uses
// again.
func (r *reader) line() ([]byte, error) {
	var long []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		r.alive()
		if err == nil && long == nil {
			return bytes.TrimRight(part, "\r\n"), nil
		}
		long = append(long, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(long, "\r\n"), nil
		case err != bufio.ErrBufferFull:
			if err == io.EOF {
				err = io.ErrUnexpectedEOF // a stream has no end of its own
			}
			return nil, err
		case len(long) > maxLine:
			return nil, fmt.Errorf("a line of more than %d MiB", maxLine>>20)
		}
	}
}

// sleep waits, and says whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
