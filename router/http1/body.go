package http1

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
)

// A framed reads the body of one message off a connection, to its end and not a
// byte further. A body that breaks off ends in io.ErrUnexpectedEOF, or in the
// connection's error, never in io.EOF. It is used by one goroutine at a time.
type framed struct {
	src  *reader
	kind bodyKind
	left int64 // of the length, or of the chunk
	err  error // of all reads from now on

	part    chunkPart
	excess  int64        // what chunks have cost beyond their data
	trailer *http.Header // gets what follows the last chunk
}

// bodyKind is what a body ends with.
type bodyKind uint8

const (
	noBody     bodyKind = iota
	lengthBody          // a number of bytes
	chunkedBody
	closeBody // the connection
)

// chunkPart is what comes next of a chunk.
type chunkPart uint8

const (
	chunkSize chunkPart = iota
	chunkData
	chunkEnd
	chunkTrailer
)

const (
	maxChunkLine  = 2 << 10  // of a size and its extensions
	maxExcess     = 16 << 10 // net/http's bound
	maxTrailer    = 4 << 10  // as well
	maxChunkDigit = 15       // more would overflow
)

var errBadChunk = malformed("malformed chunk")

// start begins a body: in chunks, or of a length, which is -1 when it ends with
// the connection. trailer may be nil when there are no chunks.
func (b *framed) start(src *reader, length int64, chunked bool, trailer *http.Header) {
	*b = framed{src: src, left: length, trailer: trailer}
	switch {
	case chunked:
		b.kind, b.left = chunkedBody, 0
	case length < 0:
		b.kind = closeBody
	case length == 0:
		b.err = io.EOF
	default:
		b.kind = lengthBody
	}
}

// ended says whether the body has been read to its end.
func (b *framed) ended() bool { return b.err == io.EOF }

// remaining is how much is still to come, or -1 when nobody knows.
func (b *framed) remaining() int64 {
	switch {
	case b.err != nil:
		return 0
	case b.kind == lengthBody:
		return b.left
	}
	return -1
}

func (b *framed) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	switch b.kind {
	case lengthBody:
		return b.readLength(p)
	case chunkedBody:
		return b.readChunked(p)
	}
	n, err := b.src.Read(p)
	b.err = err
	return n, err
}

func (b *framed) readLength(p []byte) (int, error) {
	n, err := b.readData(p)
	if b.left == 0 && err == nil {
		b.err = io.EOF
		err = io.EOF
	}
	return n, err
}

// readData reads of the bytes that are left.
func (b *framed) readData(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.src.Read(p)
	b.left -= int64(n)
	if n > 0 {
		return n, nil // an error comes again
	}
	return n, b.fail(err)
}

// fail ends the body before its end.
func (b *framed) fail(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return err
}

// readChunked reads until there is something to return, and goes on through what
// is buffered.
func (b *framed) readChunked(p []byte) (n int, err error) {
	for {
		if b.part == chunkData {
			if n == len(p) || n > 0 && len(b.src.buffered()) == 0 {
				return n, nil
			}
			got, err := b.readData(p[n:])
			n += got
			if err != nil {
				return n, err
			}
			if b.left == 0 {
				b.part = chunkEnd
			}
			continue
		}
		ok, err := b.passPart(n == 0)
		if err != nil || !ok {
			return n, err
		}
	}
}

// passPart reads what stands between data. It returns false when not all of it
// has come and it must not wait for that.
func (b *framed) passPart(wait bool) (ok bool, err error) {
	if b.part == chunkTrailer {
		return b.passTrailer(wait)
	}
	line, err := b.line(wait)
	if line == nil || err != nil {
		return false, err
	}
	size := len(line)
	text := line[:size-2]
	switch {
	case b.part == chunkEnd && len(text) > 0:
		return false, b.fail(errBadChunk)
	case b.part == chunkEnd:
		b.part = chunkSize
	default:
		if err := b.begin(text); err != nil {
			return false, b.fail(err)
		}
	}
	b.src.discard(size)
	return true, nil
}

// line returns the next line with its end, which is valid until the next read. It
// is nil when it has not all come.
func (b *framed) line(wait bool) ([]byte, error) {
	looked := 0
	for {
		buffered := b.src.buffered()
		if i := bytes.IndexByte(buffered[looked:], '\n'); i >= 0 {
			line := buffered[:looked+i+1]
			if i := bytes.IndexByte(line, '\r'); i < 0 || i != len(line)-2 {
				return nil, b.fail(errBadChunk)
			}
			return line, nil
		}
		if looked = len(buffered); looked >= maxChunkLine {
			return nil, b.fail(malformed("chunk with a line that is too long"))
		}
		if !wait {
			return nil, nil
		}
		if err := b.src.fill(); err != nil {
			return nil, b.fail(err)
		}
	}
}

// begin reads the size of a chunk, and its extensions, which mean nothing here.
func (b *framed) begin(line []byte) error {
	var size int64
	digits := 0
	for digits < len(line) && isHex(line[digits]) {
		size = size<<4 | int64(hexValue(line[digits]))
		if digits++; digits > maxChunkDigit {
			return errBadChunk
		}
	}
	if digits == 0 || !isExtension(line[digits:]) {
		return errBadChunk
	}
	// Who sends more of sizes and extensions than of data wants to keep us busy.
	b.excess = max(b.excess+int64(len(line))+2-16-2*size, 0)
	if b.excess > maxExcess {
		return malformed("chunks with too little in them")
	}
	b.left, b.part = size, chunkData
	if size == 0 {
		b.part = chunkTrailer
	}
	return nil
}

// isExtension says whether what stands behind a chunk's size is nothing, or
// extensions as far as that matters.
func isExtension(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	name := bytes.TrimLeft(b, " \t")
	if len(name) < 2 || name[0] != ';' {
		return false
	}
	name = bytes.TrimLeft(name[1:], " \t")
	return len(name) > 0 && tokenBytes[name[0]] && !hasControlSlow(b)
}

// passTrailer reads to the empty line that ends the body.
func (b *framed) passTrailer(wait bool) (ok bool, err error) {
	scanner := headScanner{trailer: true}
	for {
		size, err := scanner.scan(b.src.buffered())
		switch {
		case err != nil:
			return false, b.fail(err)
		case size > maxTrailer || size == 0 && len(b.src.buffered()) >= maxTrailer:
			return false, b.fail(malformed("trailer that is too long"))
		case size > 0:
			if err := b.endTrailer(string(b.src.buffered()[:size])); err != nil {
				return false, b.fail(err)
			}
			b.src.discard(size)
			b.err = io.EOF
			return false, io.EOF
		case !wait:
			return false, nil
		}
		if err := b.src.fill(); err != nil {
			return false, b.fail(err)
		}
	}
}

// endTrailer adds the trailers to those announced.
func (b *framed) endTrailer(block string) error {
	if block == "\r\n" {
		return nil
	}
	var f fields
	if _, err := f.parse(block); err != nil {
		return err
	}
	if *b.trailer == nil {
		*b.trailer = f.header
		return nil
	}
	maps.Copy(*b.trailer, f.header)
	return nil
}

var errTooMuch = errors.New("more than may be discarded")

// discardRest reads and forgets the rest of the body, if it is at most limit.
func (b *framed) discardRest(limit int64) error {
	if b.err == io.EOF {
		return nil
	}
	if b.remaining() > limit {
		return errTooMuch
	}
	buf := getBuffer(minBuffer)
	defer putBuffer(buf)
	for limit >= 0 {
		n, err := b.Read(*buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		limit -= int64(n)
	}
	return errTooMuch
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// appendChunkHead appends what stands in front of n bytes of a chunk.
func appendChunkHead(dst []byte, n int) []byte {
	const hex = "0123456789abcdef"
	shift := 0
	for n>>shift > 15 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, hex[n>>shift&15])
	}
	return append(dst, "\r\n"...)
}

// lastChunk is the one that ends a body, before its trailers and an empty line.
const lastChunk = "0\r\n"
