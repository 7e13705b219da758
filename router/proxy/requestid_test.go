package proxy

import (
	"fmt"
	"regexp"
	"testing"
)

func TestRequestIDs(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := newRequestID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("%q is no UUID of version 4, or came twice", id)
		}
		seen[id] = true
	}
}

func TestHexDigits(t *testing.T) {
	for _, v := range []uint32{0, 1, 0x9a, 0x01234567, 0x89abcdef, 0xffffffff} {
		d := hexDigits(v)
		text := []byte{byte(d >> 56), byte(d >> 48), byte(d >> 40), byte(d >> 32), byte(d >> 24), byte(d >> 16), byte(d >> 8), byte(d)}
		if want := fmt.Sprintf("%08x", v); string(text) != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
}
