package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Key describes one key of the file.
type Key struct {
	// Name is dotted: status.port. A key of a list's entries has brackets: nats.hosts[].port.
	Name string
	// Default is the key's value without a file, as YAML would write it. It is
	// empty for keys of a list's entries.
	Default string
	// InEffect says whether this build does what the key says.
	InEffect bool
}

// Keys returns every key of the file, in the order of Config.
func Keys() []Key {
	var keys []Key
	defaults := Default()
	eachKey(reflect.ValueOf(&defaults).Elem(), func(name string, v reflect.Value) {
		keys = append(keys, Key{Name: name, Default: format(v), InEffect: effective[name]})
		if element := elementStruct(v.Type()); element != nil {
			keys = append(keys, entryKeys(name, element)...)
		}
	})
	return keys
}

// entryKeys returns the keys of the entries of a list. They are in effect when
// the list is.
func entryKeys(list string, element reflect.Type) []Key {
	var keys []Key
	top, _, _ := strings.Cut(list, "[]") // of lists within lists too
	eachKey(reflect.New(element).Elem(), func(name string, v reflect.Value) {
		keys = append(keys, Key{Name: list + "[]." + name, InEffect: effective[top]})
		if inner := elementStruct(v.Type()); inner != nil {
			keys = append(keys, entryKeys(list+"[]."+name, inner)...)
		}
	})
	return keys
}

// keyNames returns the dotted name of every key, once computed.
var keyNames = sync.OnceValue(func() []string {
	var names []string
	for _, k := range Keys() {
		names = append(names, k.Name)
	}
	return names
})

// eachKey calls do for every key of a struct that holds a value: maps are
// walked into, lists are values.
func eachKey(v reflect.Value, do func(name string, v reflect.Value)) {
	for _, f := range fieldsOf(v.Type()) {
		field := v.FieldByIndex(f.index)
		if field.Kind() != reflect.Struct {
			do(f.name, field)
			continue
		}
		eachKey(field, func(name string, v reflect.Value) { do(join(f.name, name), v) })
	}
}

// field is one key of a mapping.
type field struct {
	name  string // as in the file
	index []int  // of the struct's field, for FieldByIndex
	tag   reflect.StructTag
}

// fieldsOf returns the keys of the mapping that a struct stands for. Fields of
// an embedded struct are keys of the same mapping.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			fields = append(fields, field{name: f.Tag.Get("yaml"), index: f.Index, tag: f.Tag})
		}
	}
	return fields
}

// elementStruct returns the struct that a list's entries are, or nil.
func elementStruct(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
		return t.Elem()
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// format writes a value as YAML would, durations in whole seconds where they are.
func format(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		if value%time.Second == 0 {
			return strconv.FormatInt(int64(value/time.Second), 10) + "s"
		}
		return value.String()
	case string:
		if value == "" {
			return `""`
		}
		return value
	case []string:
		return "[" + strings.Join(value, ", ") + "]"
	}
	return fmt.Sprint(v.Interface())
}
