package main

import "os"

// Windows has neither signal.

func ignoreBrokenPipes() {}

func notifyReload(chan<- os.Signal) {}
