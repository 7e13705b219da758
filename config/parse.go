package config

import (
	"reflect"

	"devrouter/config/problem"
)

// Parse reads the content of a configuration file of that name. Keys that the
// file does not give have their defaults, so an empty file is Default.
//
// The error is nil or a problem.List with every problem of the file, in its
// order; beyond a hundred they are only counted.
func Parse(name string, content []byte) (Config, error) {
	content = withoutBOM(content)
	c := Default()
	d := decoder{file: problem.NewFile(name, content)}
	if root := d.document(content); root != nil {
		d.value(place{}, root, reflect.ValueOf(&c).Elem())
		d.check(c)
	}
	if err := d.list().Err(); err != nil {
		return Config{}, err
	}
	// As gorouter does: a route must outlive the time before the ports open.
	c.DropletStaleThreshold = max(c.DropletStaleThreshold, c.StartResponseDelayInterval)
	return c, nil
}
