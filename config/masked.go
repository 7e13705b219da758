package config

import (
	"reflect"
	"strings"
)

// mask stands for a secret that is set.
const mask = "***"

// Masked returns a copy without its secrets, which may be shown: a password, a
// private key or a shared secret that is set reads "***", as do the credentials
// and the query of a URL.
func (c Config) Masked() Config {
	maskAll(reflect.ValueOf(&c).Elem(), "")
	return c
}

// maskAll masks what a value holds. key is the last part of its key's name.
func maskAll(v reflect.Value, key string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(masked(key, v.String()))
	case reflect.Slice:
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		for i := range own.Len() {
			maskAll(own.Index(i), key)
		}
		if !v.IsNil() {
			v.Set(own)
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			maskAll(v.FieldByIndex(f.index), f.name)
		}
	}
}

func masked(key, value string) string {
	switch {
	case value == "":
		return ""
	case isSecret(key), strings.Contains(value, "PRIVATE KEY"): // a chain that holds its key, too
		return mask
	}
	return maskURL(value)
}

// isSecret says whether a key holds what only its owner should know.
func isSecret(key string) bool {
	switch key {
	case "key", "trace_key", "private_key":
		return true
	}
	return key == "pass" || strings.Contains(key, "password") || strings.Contains(key, "secret")
}

// maskURL masks what in a URL, or in a host's name written like one, is no
// address. It goes by the characters: a URL with a mistake in it has its
// password, too.
func maskURL(s string) string {
	scheme, rest, isURL := strings.Cut(s, "://")
	if !isURL {
		scheme, rest = "", s
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 && (isURL || strings.Contains(rest[:at], ":")) {
		rest = mask + rest[at:]
	}
	if isURL {
		if address, _, ok := strings.Cut(rest, "?"); ok {
			rest = address + "?" + mask
		}
	}
	return scheme + rest
}
