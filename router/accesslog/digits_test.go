package accesslog

import (
	"fmt"
	"testing"
)

func TestDigits(t *testing.T) {
	check := func(n uint32) {
		if got, want := string(appendNineDigits(nil, n)), fmt.Sprintf("%09d", n); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		n %= 1e6
		if got, want := string(appendSixDigits([]byte("."), n)), fmt.Sprintf(".%06d", n); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	for n := range uint32(10_000) { // each four digits, in either half
		check(n)
		check(n * 10_000)
	}
	for n := uint32(0); n < 1e9; n += 99_991 {
		check(n)
	}
	check(1e9 - 1)
}
