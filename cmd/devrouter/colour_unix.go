//go:build unix

package main

import "os"

// understandsColour says whether a terminal reads escape sequences.
func understandsColour(*os.File) bool { return true }
