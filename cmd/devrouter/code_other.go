//go:build !linux

package main

// dropCode does nothing where there is no such advice to give.
func dropCode() {}
