package http1

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// appendField appends one field. A value cannot break out of its line.
func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	return appendLine(dst, value)
}

// appendPlainField appends one field whose value is known to be of one line. It makes
// room once, for it is called a dozen times a request.
func appendPlainField(dst []byte, name, value string) []byte {
	from := len(dst)
	dst = slices.Grow(dst, len(name)+len(value)+len(": \r\n"))
	dst = dst[:from+len(name)+len(value)+len(": \r\n")]
	line := dst[from:]
	n := copy(line, name)
	line[n], line[n+1] = ':', ' '
	n += 2 + copy(line[n+2:], value)
	line[n], line[n+1] = '\r', '\n'
	return dst
}

// appendLine appends a value and ends its line.
func appendLine(dst []byte, value string) []byte {
	value = trimSpace(value)
	from := len(dst)
	dst = append(dst, value...)
	if hasControl(value) {
		for i, c := range dst[from:] {
			if c == '\r' || c == '\n' {
				dst[from+i] = ' '
			}
		}
	}
	return append(dst, "\r\n"...)
}

// appendStatusLine appends the first line of a reply.
func appendStatusLine(dst []byte, http11 bool, status int) []byte {
	if http11 {
		dst = append(dst, "HTTP/1.1 "...)
	} else {
		dst = append(dst, "HTTP/1.0 "...)
	}
	if status == http.StatusOK {
		return append(dst, "200 OK\r\n"...)
	}
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	if text := http.StatusText(status); text != "" {
		dst = append(dst, text...)
	} else {
		dst = append(dst, "status code "...)
		dst = strconv.AppendInt(dst, int64(status), 10)
	}
	return append(dst, "\r\n"...)
}

// date is the line of the Date field, for one second.
type date struct {
	second int64
	line   string
}

var lastDate atomic.Pointer[date]

// dateLine returns the line of the Date field.
func dateLine(now time.Time) string {
	second := now.Unix()
	d := lastDate.Load()
	if d == nil || d.second != second {
		d = &date{second, "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"}
		lastDate.Store(d)
	}
	return d.line
}
