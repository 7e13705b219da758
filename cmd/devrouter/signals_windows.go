package main

import "os"

// Windows has none of these signals.
var reloadSignal, drainSignal os.Signal

func ignoreBrokenPipes() {}
