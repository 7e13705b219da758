package admin

import (
	"strings"
	"sync"
	"sync/atomic"
)

// otherLabel stands for every value beyond those that are told apart.
const otherLabel = "other"

// labels bounds the values of a label that strangers choose: each one is a time
// series for as long as the process lives, here and in the Prometheus that reads
// it. The first countedComponents are told apart. The zero value knows none.
type labels struct {
	known sync.Map // string to itself
	count atomic.Int64
}

// value returns what to call a stranger's value: itself, as long as there is
// room, or otherLabel. It is always valid UTF-8, which Prometheus insists on.
func (l *labels) value(s string) string {
	if kept, ok := l.known.Load(s); ok {
		return kept.(string)
	}
	if s == "" {
		return "" // as gorouter has it for an endpoint without the tag
	}
	if len(s) > maxName || l.count.Load() >= countedComponents {
		return otherLabel
	}
	if l.count.Add(1) > countedComponents {
		l.count.Add(-1)
		return otherLabel
	}
	s = strings.Clone(strings.ToValidUTF8(s, "\uFFFD"))
	if _, loaded := l.known.LoadOrStore(s, s); loaded {
		l.count.Add(-1)
	}
	return s
}
