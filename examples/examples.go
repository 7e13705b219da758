// Package examples holds the example routes.yaml, as a value that programs can
// write out and tests can check. The apps that it names are in package demo.
package examples

import _ "embed"

// Routes is routes.yaml: a commented starter with the routes of the demo apps.
// Nobody may modify it.
//
//go:embed routes.yaml
var Routes []byte
