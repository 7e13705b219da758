package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"devrouter/web"
	"devrouter/web/client"
)

func newEventsCommand(f *runFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "events", Short: "Show what changed in the table, and why", Args: noArguments,
		Long: `Show what changed in the table of a running devrouter, and why: the latest
1,000 changes, oldest first, in the words that its terminal uses. With --json
each is an object on a line of its own.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := connect(f)
			if err != nil {
				return err
			}
			l := eventLog{printer: newPrinter(cmd), notes: cmd.ErrOrStderr()}
			if follow, _ := cmd.Flags().GetBool("follow"); follow {
				ctx, cancel := whileRead(cmd.Context(), l.out)
				defer cancel()
				return l.follow(ctx, c)
			}
			var events []web.Event
			if err := c.JSON(cmd.Context(), "/api/events", &events); err != nil {
				return err
			}
			return l.print(events)
		},
	}
	cmd.Flags().BoolP("follow", "f", false, "go on with what happens next, until Ctrl-C")
	addJSONFlag(cmd)
	return cmd
}

// eventLog prints events, each once.
type eventLog struct {
	printer
	notes   io.Writer
	process time.Time // when the appliance whose events these are was started
	last    uint64    // the last event that was printed
}

func (l *eventLog) follow(ctx context.Context, c *client.Client) error {
	return c.Follow(ctx, "/api/events", l.take, func(err error) {
		fmt.Fprintf(l.notes, "devrouter: %v; waiting for it to come back\n", err)
	})
}

func (l *eventLog) take(e client.Event) error {
	switch e.Name {
	case "snapshot":
		var s struct {
			Started time.Time   `json:"started"`
			Events  []web.Event `json:"events"`
		}
		if err := json.Unmarshal(e.Data, &s); err != nil {
			return fmt.Errorf("read the event stream: %w; is it a devrouter of another version?", err)
		}
		if !s.Started.Equal(l.process) {
			l.process, l.last = s.Started, 0
		}
		l.tellMissed(s.Events)
		return l.print(s.Events)
	case "event":
		var event web.Event
		if err := json.Unmarshal(e.Data, &event); err != nil {
			return fmt.Errorf("read the event stream: %w; is it a devrouter of another version?", err)
		}
		return l.print([]web.Event{event})
	}
	return nil
}

// tellMissed says how many events went by while the stream was broken. A
// snapshot holds the latest only.
func (l *eventLog) tellMissed(events []web.Event) {
	if l.last > 0 && len(events) > 0 && events[0].Seq > l.last+1 {
		fmt.Fprintf(l.notes, "devrouter: %d events went by unseen while the connection was lost\n", events[0].Seq-l.last-1)
	}
}

func (l *eventLog) print(events []web.Event) error {
	for _, e := range events {
		if e.Seq <= l.last {
			continue
		}
		l.last = e.Seq
		if err := l.printOne(e); err != nil {
			return err
		}
	}
	return nil
}

func (l *eventLog) printOne(e web.Event) error {
	if l.json {
		return l.printJSON(e)
	}
	_, err := fmt.Fprintf(l.out, "%s  %s\n", l.paint(faint, e.Time.Local().Format(time.TimeOnly)), l.paint(eventStyle(e.Kind, e.Text), plain(e.Text)))
	return err
}

// eventStyle goes by the mark that an event's text begins with, but for an endpoint's
// health, which is the news of a line that only says what changed.
func eventStyle(kind, text string) style {
	switch {
	case kind == "endpoint-down":
		return red
	case kind == "endpoint-up":
		return green
	case len(text) > 1 && text[1] == ' ':
		return map[byte]style{'+': green, '~': cyan, '-': yellow, '!': red}[text[0]]
	}
	return ""
}
