package admin

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// exposition is metrics in the text format of Prometheus, version 0.0.4, which
// every version of it reads. Prometheus's own library could do more, of which
// nothing is needed here, and would be a tenth of the program.
type exposition struct {
	families []*family // in the order of their names
	failed   *counter  // writes that the reader did not take
}

// family is the series of one metric, which differ in the values of its labels.
type family struct {
	name, help, kind string
	labels           []string // in the order of their names; at most two
	make             func() series

	mu     sync.RWMutex // guards series
	series map[[2]string]series
}

// series is what has one line of values, or several.
type series interface {
	// append appends its lines, given its name and its labels without braces.
	append(b []byte, name, labels string) []byte
}

// add adds a metric. One without labels has its one series at once.
func (x *exposition) add(name, help, kind string, labels []string, make func() series) *family {
	f := &family{name: name, help: help, kind: kind, labels: labels, make: make, series: map[[2]string]series{}}
	if len(labels) == 0 {
		f.with()
	}
	at, _ := slices.BinarySearchFunc(x.families, name, func(f *family, name string) int { return cmp.Compare(f.name, name) })
	x.families = slices.Insert(x.families, at, f)
	return f
}

// with returns the series with these values of the labels. Any goroutine.
func (f *family) with(values ...string) series {
	var key [2]string
	copy(key[:], values)
	f.mu.RLock()
	s := f.series[key]
	f.mu.RUnlock()
	if s != nil {
		return s
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s = f.series[key]; s == nil {
		s = f.make()
		f.series[key] = s
	}
	return s
}

// ServeHTTP writes all metrics.
func (x *exposition) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	var text []byte
	for _, f := range x.families {
		text = f.append(text)
	}
	if _, err := w.Write(text); err != nil {
		x.failed.Inc()
	}
}

func (f *family) append(b []byte) []byte {
	f.mu.RLock()
	all := maps.Clone(f.series)
	f.mu.RUnlock()
	if len(all) == 0 {
		return b
	}
	b = append(b, "# HELP "+f.name+" "+helpEscapes.Replace(f.help)+"\n# TYPE "+f.name+" "+f.kind+"\n"...)
	for _, key := range slices.SortedFunc(maps.Keys(all), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		var labels []string
		for n, name := range f.labels {
			labels = append(labels, name+`="`+valueEscapes.Replace(key[n])+`"`)
		}
		b = all[key].append(b, f.name, strings.Join(labels, ","))
	}
	return b
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func appendLine(b []byte, name, labels string, value float64) []byte {
	b = append(b, name...)
	if labels != "" {
		b = append(append(append(b, '{'), labels...), '}')
	}
	return append(appendFloat(append(b, ' '), value), '\n')
}

func appendFloat(b []byte, f float64) []byte {
	if math.IsInf(f, 1) {
		return append(b, "+Inf"...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// counter only ever rises.
type counter struct{ n atomic.Uint64 }

// Inc adds one.
func (c *counter) Inc() { c.n.Add(1) }

// Add adds n, which is not negative.
func (c *counter) Add(n int) { c.n.Add(uint64(n)) }

func (c *counter) append(b []byte, name, labels string) []byte {
	return appendLine(b, name, labels, float64(c.n.Load()))
}

// gauge is asked when it is read.
type gauge func() float64

func (g gauge) append(b []byte, name, labels string) []byte {
	return appendLine(b, name, labels, g())
}
