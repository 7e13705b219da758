//go:build unix

package main

import (
	"os"
	"testing"
	"time"
)

func TestWhileReadEndsWithTheReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := whileRead(t.Context(), w)
	defer cancel()
	if ctx.Err() != nil {
		t.Fatal("it ended before the reader was gone")
	}
	r.Close()
	select {
	case <-ctx.Done():
	case <-time.After(patience):
		t.Error("it goes on although nobody reads")
	}
}
