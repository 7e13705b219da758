package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// looksSecret is wider than what Masked goes by: a key that is added some day
// and looks like a secret must be masked, or named in notSecret.
var looksSecret = regexp.MustCompile(`(?i)pass|secret|key|token|cred|auth|private|signature`)

var notSecret = map[string]bool{
	"prometheus.key_path":  true, // a path
	"oauth.token_endpoint": true, // a host
}

// fillStrings gives every string of a value, entries of lists included, a text
// of its own, and calls it by the name of its key.
func fillStrings(t *testing.T, v reflect.Value, name, goName string, texts map[string]string, look map[string]bool) {
	switch v.Kind() {
	case reflect.String:
		texts[name] = fmt.Sprintf("canary%dx", len(texts))
		look[name] = looksSecret.MatchString(name[strings.LastIndexByte(name, '.')+1:]) || looksSecret.MatchString(goName)
		v.SetString(texts[name])
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillStrings(t, v.Index(0), name+"[]", goName, texts, look)
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(v.Type()) {
			if !f.Anonymous {
				fillStrings(t, v.FieldByIndex(f.Index), join(name, f.Tag.Get("yaml")), f.Name, texts, look)
			}
		}
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Float64:
	default:
		t.Errorf("%s is a %s, which Masked does not walk into", name, v.Kind())
	}
}

func TestMaskedLeaksNoSecret(t *testing.T) {
	var c Config
	texts, look := map[string]string{}, map[string]bool{}
	fillStrings(t, reflect.ValueOf(&c).Elem(), "", "", texts, look)
	before := fmt.Sprintf("%+v", c)
	shown, err := yaml.Marshal(c.Masked())
	if err != nil {
		t.Fatal(err)
	}
	secrets := 0
	for name, text := range texts {
		leaks, secret := strings.Contains(string(shown), text), look[name] && !notSecret[name]
		switch {
		case leaks && secret:
			t.Errorf("%s looks secret and is shown", name)
		case !leaks && !secret:
			t.Errorf("%s does not look secret and is masked", name)
		}
		if secret {
			secrets++
		}
	}
	if secrets < 12 {
		t.Errorf("only %d secrets were looked at", secrets)
	}
	if after := fmt.Sprintf("%+v", c); after != before {
		t.Error("Masked changed the configuration itself")
	}
	for _, name := range []string{"status.pass", "nats.pass", "nats.private_key", "status.tls.key", "trace_key", "tls_pem[].private_key",
		"backends.private_key", "route_services.private_key", "route_services_secret", "route_services_secret_decrypt_only",
		"routing_api.private_key", "oauth.client_secret"} {
		if !look[name] {
			t.Errorf("%s was not looked at as a secret", name)
		}
	}
}

func TestMaskedHidesWhatIsWithinAValue(t *testing.T) {
	for value, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		"nats://127.0.0.1:7422":         "nats://127.0.0.1:7422",
		"nats://u:p@h:7422":             "nats://***@h:7422",
		"nats://token@h":                "nats://***@h",
		"nats://u:p@ss/w@h:1":           "nats://***@h:1",
		"https://api.test/x?token=abc":  "https://api.test/x?***",
		"u:p@h":                         "***@h",
		"someone@example.org":           "someone@example.org",
		"/opt/@scope/file":              "/opt/@scope/file",
		"-----BEGIN EC PRIVATE KEY----": "***",
	} {
		c := Config{CACerts: []string{value}, RoutingAPI: RoutingAPI{URI: value}}
		m := c.Masked()
		if m.CACerts[0] != want || m.RoutingAPI.URI != want {
			t.Errorf("%q: got %q and %q, want %q", value, m.CACerts[0], m.RoutingAPI.URI, want)
		}
	}
}

// What is shown can be read again: it is a configuration.
func TestMaskedIsReadAgain(t *testing.T) {
	shown, err := yaml.Marshal(Default().Masked())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("shown.yml", shown)
	if err != nil {
		t.Fatalf("%v in\n%s", err, shown)
	}
	if !reflect.DeepEqual(fmt.Sprint(c), fmt.Sprint(Default())) {
		t.Errorf("got  %+v\nwant %+v", c, Default())
	}
}
