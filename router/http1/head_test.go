package http1

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadHeadFindsItsEnd(t *testing.T) {
	for _, tt := range []struct {
		in     string
		bareLF bool
		size   int
		err    error
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest", false, 27, nil},
		{"GET / HTTP/1.1\r\n\r\n", false, 18, nil},
		{"HTTP/1.1 200 OK\nA: b\r\nC: d\n\nrest", true, 28, nil},
		{"GET / HTTP/1.1\nHost: a\n\n", false, 0, malformed("line ends without CR")},
		{"GET / HTTP/1.1\r\nHost: a\n", false, 0, malformed("line ends without CR")},
		{"\r\nGET / HTTP/1.1\r\n\r\n", false, 0, malformed("head begins with an empty line")},
		{"GET / HTTP/1.1\r\nHost: a", false, 0, io.EOF},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 100), false, 0, errHeadTooLarge},
	} {
		for _, src := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
			b := &reader{src: src}
			size, err := readHead(b, 64, tt.bareLF)
			if size != tt.size || !errors.Is(err, tt.err) {
				t.Errorf("%q: got %d, %v, want %d, %v", tt.in, size, err, tt.size, tt.err)
			}
			b.drop()
		}
	}
}

func TestReaderHoldsNoBufferAtRest(t *testing.T) {
	b := &reader{src: strings.NewReader(strings.Repeat("x", 3*minBuffer))}
	for range 2 {
		if err := b.fill(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(b.buffered()); got != 2*minBuffer {
		t.Fatalf("%d bytes are buffered, want %d", got, 2*minBuffer)
	}
	b.release()
	if b.buf == nil {
		t.Fatal("the buffer was given back with bytes in it")
	}
	b.discard(2 * minBuffer)
	b.release()
	if b.buf != nil {
		t.Error("the buffer is still held")
	}
	if rest, err := io.ReadAll(b); err != nil || len(rest) != minBuffer {
		t.Errorf("got %d more bytes and %v", len(rest), err)
	}
}
