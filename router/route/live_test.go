package route

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswerToAProbeStandsAgainstOtherAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewTable(Options{})
		register(t, table, "web.localhost", "127.0.0.1:1")
		live := table.Lookup("web.localhost", "/").Instances()[0].Live()
		live.Decline(errors.New("health /up answered 503"))
		live.Succeed()
		if f := live.Failure(); f == nil || !f.Declined || !f.Probed {
			t.Errorf("after a request: got %+v, want it down still", f)
		}
		time.Sleep(declinedFor)
		live.Succeed()
		if live.Failure() != nil {
			t.Error("nobody asked again, and a request was answered: it is down still")
		}
		live.Decline(errors.New("health /up answered 503"))
		live.Probed(nil)
		if live.Failure() != nil {
			t.Error("a probe found it well, and it is down still")
		}
	})
}

func TestHealthSaysSinceWhenAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turned []string
		table := NewTable(Options{OnHealth: func(addr string) { turned = append(turned, addr) }})
		register(t, table, "web.localhost", "127.0.0.1:1")
		live := table.Lookup("web.localhost", "/").Instances()[0].Live()
		if live.Health() != nil {
			t.Fatalf("before anybody knows: got %+v", live.Health())
		}

		refused, silent := errors.New("refused"), errors.New("silent")
		live.Fail(refused)
		began := time.Now()
		time.Sleep(time.Second)
		live.Probed(silent)
		if h := live.Health(); h.Up || h.Err != silent || !h.Probed || !h.Since.Equal(began) || !h.Found.Equal(began.Add(time.Second)) {
			t.Errorf("after two failures: got %+v, want the first one's moment and the second one's reason", h)
		}
		time.Sleep(time.Second)
		live.Succeed()
		up := live.Health()
		if !up.Up || !up.Since.Equal(began.Add(2*time.Second)) || live.Failure() != nil {
			t.Errorf("after a reply: got %+v", up)
		}
		live.Succeed()
		if live.Health() != up {
			t.Error("a further reply was stored")
		}
		if want := []string{"127.0.0.1:1", "127.0.0.1:1"}; !slices.Equal(turned, want) {
			t.Errorf("told of %v, want once down and once up", turned)
		}
	})
}
