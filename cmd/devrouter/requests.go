package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"devrouter/web"
	"devrouter/web/client"
)

func newRequestsCommand(f *runFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "requests", Short: "Show the latest requests", Args: noArguments,
		Long: `Show the latest requests of a running devrouter, the newest last: time, status,
method, how long it took, the instance, the address, and what went wrong. With
--json each is an object on a line of its own. Secrets in addresses are masked.

As long as somebody follows, heads and bodies are kept as well, for the page.`,
		Example: `  devrouter requests -f --status error       what fails, as it fails
  devrouter requests --host shop.localhost --method POST
  devrouter requests --status 5xx --json | jq .error`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := requestQuery(cmd)
			filter, err := web.ParseRequestFilter(query)
			if err != nil {
				return &usageError{fmt.Errorf("--%w; see devrouter requests --help", err)}
			}
			c, err := connect(f)
			if err != nil {
				return err
			}
			l := requestLog{printer: newPrinter(cmd), notes: cmd.ErrOrStderr(), filter: filter}
			if follow, _ := cmd.Flags().GetBool("follow"); follow {
				ctx, cancel := whileRead(cmd.Context(), l.out)
				defer cancel()
				return l.follow(ctx, c)
			}
			var list web.RequestList
			if err := c.JSON(cmd.Context(), "/api/requests?"+query.Encode(), &list); err != nil {
				return err
			}
			slices.Reverse(list.Requests)
			return l.print(list.Requests)
		},
	}
	flags := cmd.Flags()
	flags.BoolP("follow", "f", false, "go on with those that come, until Ctrl-C")
	flags.String("host", "", "only for this `HOST`, or \"*.DOMAIN\"")
	flags.String("status", "", "only with this `STATUS`: 404, 5xx, or error for 4xx, 5xx and none")
	flags.String("method", "", "only with this `METHOD`")
	flags.IntP("limit", "n", 100, "at most the latest `NUMBER` of them")
	addJSONFlag(cmd)
	return cmd
}

// requestQuery is what the flags are in a query of the API.
func requestQuery(cmd *cobra.Command) url.Values {
	query := url.Values{}
	for _, name := range []string{"host", "status", "method", "limit"} {
		if value := cmd.Flags().Lookup(name).Value.String(); value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// requestLog prints requests, each once, but for one that was running: that has a
// second line when it has ended.
type requestLog struct {
	printer
	notes   io.Writer
	filter  web.RequestFilter
	process time.Time       // when the appliance whose requests these are was started
	last    uint64          // the last request that was seen
	open    map[uint64]bool // those before it that were running then
}

func (l *requestLog) follow(ctx context.Context, c *client.Client) error {
	return c.Follow(ctx, "/api/events?topics=requests", l.take, func(err error) {
		fmt.Fprintf(l.notes, "devrouter: %v; waiting for it to come back\n", err)
	})
}

// take prints what a snapshot or a batch has; both have their requests under the
// same name.
func (l *requestLog) take(e client.Event) error {
	if e.Name != "snapshot" && e.Name != "requests" {
		return nil
	}
	var news struct {
		Started  time.Time     `json:"started"`
		Requests []web.Request `json:"requests"`
		Skipped  uint64        `json:"skipped"`
	}
	if err := json.Unmarshal(e.Data, &news); err != nil {
		return fmt.Errorf("read the stream of requests: %w; is it a devrouter of another version?", err)
	}
	if e.Name == "snapshot" && !news.Started.Equal(l.process) {
		l.process, l.last, l.open = news.Started, 0, nil
	}
	if news.Skipped > 0 {
		fmt.Fprintf(l.notes, "devrouter: %d requests came too fast to be shown\n", news.Skipped)
	}
	return l.print(news.Requests)
}

func (l *requestLog) print(requests []web.Request) error {
	for i := range requests {
		r := &requests[i]
		if !l.isNews(r) {
			continue
		}
		if !l.filter.Takes(r) {
			continue
		}
		if err := l.printOne(r); err != nil {
			return err
		}
	}
	return nil
}

// isNews says whether a request has not been seen as it is.
func (l *requestLog) isNews(r *web.Request) bool {
	if r.ID <= l.last && (r.Running || !l.open[r.ID]) {
		return false
	}
	l.last = max(l.last, r.ID)
	switch {
	case !r.Running:
		delete(l.open, r.ID)
	case l.open == nil || len(l.open) >= maxOpen:
		l.open = map[uint64]bool{r.ID: true}
	default:
		l.open[r.ID] = true
	}
	return true
}

// maxOpen bounds what is remembered of those whose end nobody tells of.
const maxOpen = 10_000

func (l *requestLog) printOne(r *web.Request) error {
	if l.json {
		return l.printJSON(r)
	}
	words := []string{
		l.paint(faint, r.Time.Local().Format(time.TimeOnly)),
		l.paint(statusStyle(r.Status), statusWord(r.Status)),
		fmt.Sprintf("%-6s", plain(r.Method)),
		fmt.Sprintf("%9s", took(r)),
		fmt.Sprintf("%-6s", instance(r)),
		plain(r.Host + r.Target),
	}
	if trouble := cmp.Or(r.Error, r.RouterError); trouble != "" {
		words = append(words, l.paint(red, "! "+plain(trouble)))
	}
	_, err := fmt.Fprintln(l.out, strings.Join(words, "  "))
	return err
}

// took is how long a request took, if it has ended.
func took(r *web.Request) string {
	if r.Running {
		return "open"
	}
	return duration(r.Timing.Total)
}

func statusWord(status int) string {
	if status == 0 {
		return "---" // nothing was answered
	}
	return strconv.Itoa(status)
}

func statusStyle(status int) style {
	switch status / 100 {
	case 1, 2:
		return green
	case 3:
		return cyan
	case 4:
		return yellow
	}
	return red
}

// instance names who answered.
func instance(r *web.Request) string {
	switch {
	case r.Instance != nil:
		return plain(shortAddr(r.Instance.Addr))
	case r.RouteService:
		return "route service"
	}
	return "-"
}

// duration writes milliseconds with as many digits as say something.
func duration(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}
