package main

import (
	"context"
	"io"
	"os"
)

// whileRead returns a context that ends with ctx, or once nobody reads what is
// written: after devrouter events -f | head -1 the next event may be long in coming.
func whileRead(ctx context.Context, w io.Writer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if file, ok := w.(*os.File); ok {
		go func() {
			if awaitReaderGone(ctx, file) {
				cancel()
			}
		}()
	}
	return ctx, cancel
}
