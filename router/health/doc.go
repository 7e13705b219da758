// Package health says whether endpoints answer, and in words why they do not.
package health
