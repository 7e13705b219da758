package web

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A spark is a small plot of a route's requests, a step wide for each interval and
// as high as the most of them. assets/plot.js draws the same.
const (
	sparkSteps  = 60
	sparkHeight = 20
)

// sparkPath is the d of the plot's path: an area from the ground up. It is empty
// when there is nothing to draw.
func sparkPath(t Traffic, now time.Time) string {
	var values [sparkSteps]float64
	for i, n := range aligned(t, now) {
		values[i] = float64(n)
	}
	return areaPath(values)
}

// areaPath is the d of an area from the ground up, as high as the most.
func areaPath(values [sparkSteps]float64) string {
	most := slices.Max(values[:])
	if most <= 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "M0 %d", sparkHeight)
	for i, n := range values {
		fmt.Fprintf(&b, "V%.1fH%d", sparkHeight-n/most*(sparkHeight-1), i+1)
	}
	fmt.Fprintf(&b, "V%dZ", sparkHeight)
	return b.String()
}

// aligned returns the counts of the last intervals, the current one last.
func aligned(t Traffic, now time.Time) (counts [sparkSteps]uint32) {
	if len(t.Counts) == 0 || t.Seconds == 0 {
		return counts
	}
	late := int(now.Sub(t.Newest) / (time.Duration(t.Seconds) * time.Second))
	for i, n := range t.Counts {
		if at := sparkSteps - len(t.Counts) + i - max(late, 0); at >= 0 {
			counts[at] = n
		}
	}
	return counts
}

// rate is how many requests a second came in the last minute.
func rate(t Traffic, now time.Time) float64 {
	const intervals = 12
	counts, sum := aligned(t, now), uint32(0)
	for _, n := range counts[sparkSteps-intervals:] {
		sum += n
	}
	return float64(sum) / float64(intervals*max(t.Seconds, 1))
}

// perSecond says a rate.
func perSecond(r float64) string {
	switch {
	case r == 0:
		return ""
	case r < 0.1:
		return "<0.1/s"
	case r < 10:
		return fmt.Sprintf("%.1f/s", r)
	}
	return fmt.Sprintf("%.0f/s", r)
}

// duration says milliseconds, with a unit that fits.
func duration(ms float64) string {
	switch {
	case ms < 1:
		return fmt.Sprintf("%.0f µs", ms*1000)
	case ms < 10_000:
		return millis(ms) + " ms"
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// millis says milliseconds, without their unit.
func millis(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// latencyText says the percentiles, without their unit; "" without any.
func latencyText(t Traffic) string {
	if t.P95 == 0 {
		return ""
	}
	return millis(t.P50) + " / " + millis(t.P95)
}

// megabytes says a size that may be large.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// bytesText says a size.
func bytesText[N int | int64](n N) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// errorShare says which share of the requests went wrong, the server's errors
// before the client's.
func errorShare(t Traffic) string {
	switch {
	case t.Errors5xx > 0:
		return percent(t.Errors5xx) + " 5xx"
	case t.Errors4xx > 0:
		return percent(t.Errors4xx) + " 4xx"
	}
	return ""
}

func percent(share float64) string {
	if share < 0.01 {
		return "<1%"
	}
	return fmt.Sprintf("%.0f%%", share*100)
}
