package web

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHistoryKeepsTheLastFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := New(Options{Status: func() Status {
			return Status{Now: time.Now(), NATS: NATS{Clients: int(time.Since(began) / sampleInterval)}}
		}})
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(12 * time.Second)
		if got := s.status().History; len(got) != 2 || got[0].Clients != 1 || got[1].Clients != 2 || got[1].Time != began.Add(10*time.Second) {
			t.Errorf("after 12 s: got %+v", got)
		}
		time.Sleep(time.Hour)
		end()
		<-ended
		got := s.status().History
		if len(got) != keptSamples || got[keptSamples-1].Clients-got[0].Clients != keptSamples-1 {
			t.Errorf("after an hour: got %d samples, from %d to %d", len(got), got[0].Clients, got[len(got)-1].Clients)
		}
	})
}

func TestPlotEndsNow(t *testing.T) {
	if got := plotPath("memory", nil); got != "" {
		t.Errorf("of nothing: got %s", got)
	}
	got := plotPath("memory", []Sample{{Heap: 5}, {Heap: 10}})
	if want := "V20.0H58V10.5H59V1.0H60V20Z"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want it to end in %s", got, want)
	}
}
