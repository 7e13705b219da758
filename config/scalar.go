package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

const durationHint = "write it as 30s, 5m or 1h30m; a bare whole number is seconds"

var (
	integer = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)$`)
	// looksInteger is what YAML, one of its versions or a C compiler takes for an integer.
	looksInteger = regexp.MustCompile(`^[+-]?0[0-9]+$|^[+-]?0[xob][0-9a-fA-F_]+$|^[+-]?[0-9][0-9_]*([eE][+-]?[0-9]+|\.[0-9]*)?$`)
)

// enumTexts are gorouter's words for a value that is none of those allowed.
var enumTexts = map[string]func(value string, allowed []string) string{
	"balancing_algorithm": func(value string, allowed []string) string {
		bare := quote(value)
		return fmt.Sprintf("Invalid load balancing algorithm %s. Allowed values are %s", bare[1:len(bare)-1], allowed)
	},
	"client_cert_validation": func(string, []string) string { return clientCertValidationText },
}

const clientCertValidationText = "router.client_cert_validation must be one of 'none', 'request' or 'require'."

// scalar sets anything that is written as one word or text.
func (d *decoder) scalar(at place, n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		d.text(at, n, v)
	case reflect.Bool:
		d.boolean(at, n, v)
	case reflect.Float64:
		d.number(at, n, v)
	default:
		d.integer(at, n, v)
	}
}

// text takes any word: a password of digits is a password.
func (d *decoder) text(at place, n *yaml.Node, v reflect.Value) {
	known := []string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge"}
	if n.Kind != yaml.ScalarNode || !slices.Contains(known, n.ShortTag()) {
		d.wrong(at, n, "text", "")
		return
	}
	allowed := strings.Fields(at.tag.Get("oneof"))
	switch {
	case len(allowed) == 0 || slices.Contains(allowed, n.Value):
		v.SetString(n.Value)
	case n.Value == "": // as gorouter's dumps write what was not given
	default:
		d.notAllowed(at, n, allowed)
	}
}

func (d *decoder) notAllowed(at place, n *yaml.Node, allowed []string) {
	if text := enumTexts[at.path]; text != nil {
		d.report(at.path, n, "", "%s", text(n.Value, allowed))
		return
	}
	hint := "it is one of " + strings.Join(allowed, ", ")
	d.report(at.path, n, hint, "%s: unknown value %s", at.path, quote(n.Value))
}

// boolean takes the words of YAML 1.1, as gorouter's reader does.
func (d *decoder) boolean(at place, n *yaml.Node, v reflect.Value) {
	word := strings.ToLower(n.Value)
	switch {
	case !isPlain(n):
	case word == "true", word == "yes", word == "on", word == "y":
		v.SetBool(true)
		return
	case word == "false", word == "no", word == "off", word == "n":
		v.SetBool(false)
		return
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && (word == "true" || word == "false") {
		hint = "write it without quotes or a tag"
	}
	d.wrong(at, n, "true or false", hint)
}

func (d *decoder) number(at place, n *yaml.Node, v reflect.Value) {
	number, err := strconv.ParseFloat(n.Value, 64)
	if !isPlain(n) || err != nil || math.IsInf(number, 0) || math.IsNaN(number) {
		d.wrong(at, n, "a number", "")
		return
	}
	v.SetFloat(number)
}

// integer takes decimal digits and nothing else: YAML 1.1, YAML 1.2 and people
// disagree on what 0755 and 1_000 are.
func (d *decoder) integer(at place, n *yaml.Node, v reflect.Value) {
	want, hint := "a whole number", ""
	if v.Kind() == reflect.Uint16 {
		want, hint = "a port", "a port is a whole number from 0 to 65535"
	}
	if !isPlain(n) || !integer.MatchString(n.Value) {
		switch {
		case n.Kind == yaml.ScalarNode && !isPlain(n) && integer.MatchString(n.Value):
			hint = "write it without quotes or a tag"
		case n.Kind == yaml.ScalarNode && looksInteger.MatchString(n.Value):
			hint = "write it in decimal digits alone, without a leading zero"
		}
		d.wrong(at, n, want, hint)
		return
	}
	least, most := bounds(at.tag, v.Type())
	number, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || number < least || uint64(max(number, 0)) > most {
		d.report(at.path, n, hint, "%s: %s is out of range, it is from %d to %d", at.path, quote(n.Value), least, most)
		return
	}
	if v.CanInt() {
		v.SetInt(number)
	} else {
		v.SetUint(uint64(number))
	}
}

// bounds returns the least and the most that an integer may be.
func bounds(tag reflect.StructTag, t reflect.Type) (least int64, most uint64) {
	least, _ = strconv.ParseInt(tag.Get("min"), 10, 64) // no tag: 0
	most = math.MaxInt64
	// The same on every machine, whatever the size of its int.
	switch t.Kind() {
	case reflect.Uint16:
		most = math.MaxUint16
	case reflect.Int, reflect.Uint, reflect.Uint32:
		most = math.MaxInt32
	}
	if bound, err := strconv.ParseUint(tag.Get("max"), 10, 64); err == nil {
		most = bound
	}
	return least, most
}

func (d *decoder) duration(at place, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.wrong(at, n, "a duration", durationHint)
		return
	}
	duration, err := parseDuration(n)
	switch {
	case err != nil:
		d.wrong(at, n, "a duration", durationHint)
	case duration < 0:
		d.report(at.path, n, "0s is the shortest", "%s: %s is negative", at.path, quote(n.Value))
	default:
		v.SetInt(int64(duration))
	}
}

// parseDuration also takes a bare whole number, in seconds, as gorouter's files
// of 2013 have it.
func parseDuration(n *yaml.Node) (time.Duration, error) {
	text := n.Value
	if isPlain(n) && integer.MatchString(text) {
		text += "s"
	}
	return time.ParseDuration(text)
}

// isPlain says that a value is one word without quotes or a tag of its own.
func isPlain(n *yaml.Node) bool {
	quoted := yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	return n.Kind == yaml.ScalarNode && n.Style&quoted == 0
}
