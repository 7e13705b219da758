package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	tests := []struct {
		name, message, address, wantErr string
	}{
		{"plain", `{"host":"127.0.0.1","port":4567,"uris":["py.localhost"]}`, "127.0.0.1:4567", ""},
		{"tls port wins", `{"host":"10.0.0.1","port":80,"tls_port":443,"uris":["a.b"]}`, "10.0.0.1:443", ""},
		{"ipv6", `{"host":"::1","port":80,"uris":["a.b"]}`, "[::1]:80", ""},
		{"unknown keys and another case", `{"dea":"x","HOST":"h","Port":1,"uris":["a.b"]}`, "h:1", ""},
		{"null tags", `{"host":"h","port":1,"uris":["a.b"],"tags":null}`, "h:1", ""},
		{"no uris is no error", `{}`, ":0", ""},

		{"empty", ``, "", "empty"},
		{"truncated", `{"host":`, "", "unexpected end"},
		{"null", `null`, "", "not a JSON object"},
		{"array", `[]`, "", "not a JSON object"},
		{"index as number", `{"host":"h","port":1,"uris":["a.b"],"private_instance_index":0}`, "", "private_instance_index"},
		{"port as string", `{"host":"h","port":"1","uris":["a.b"]}`, "", "port"},
		{"port negative", `{"host":"h","port":-1,"uris":["a.b"]}`, "", "port"},
		{"port too large", `{"host":"h","port":65536,"uris":["a.b"]}`, "", "port"},
		{"port a fraction", `{"host":"h","port":9102.5,"uris":["a.b"]}`, "", "port"},
		{"no port", `{"host":"h","uris":["a.b"]}`, "", "neither port nor tls_port"},
		{"no host", `{"port":1,"uris":["a.b"]}`, "", "host is empty"},
		{"host with a line break", `{"host":"h\r\nX: y","port":1,"uris":["a.b"]}`, "", "neither an IP address"},
		{"host with a space", `{"host":"127.0.0.1 ","port":1,"uris":["a.b"]}`, "", "neither an IP address"},
		{"route service in the clear", `{"host":"h","port":1,"uris":["a.b"],"route_service_url":"http://x"}`, "", "must be https"},
		{"id with a line break", `{"host":"h","port":1,"uris":["a.b"],"private_instance_id":"i\r\nX: y"}`, "", `private_instance_id "i\r\nX: y" has a control character`},
		{"index with a NUL", `{"host":"h","port":1,"uris":["a.b"],"private_instance_index":"\u0000"}`, "", "private_instance_index"},
		{"app with a DEL", `{"host":"h","port":1,"uris":["a.b"],"app":"a\u007f"}`, "", "app"},
		{"app with a tab and beyond ASCII", `{"host":"h","port":1,"uris":["a.b"],"app":"a\tb\u0085é"}`, "h:1", ""},
		{"tag not a string", `{"host":"h","port":1,"uris":["a.b"],"tags":{"a":1}}`, "", "tags"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Decode([]byte(tt.message))
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("Decode(%s): got error %v, want one that contains %q", tt.message, err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatalf("Decode(%s): %v", tt.message, err)
			}
			if got := r.Address(); got != tt.address {
				t.Errorf("Decode(%s): got address %q, want %q", tt.message, got, tt.address)
			}
		})
	}
}

// What route-registrar sends: tags null, no app, no options (reference 12.2).
func TestRegistrationMarshalsLikeRouteRegistrar(t *testing.T) {
	got, err := json.Marshal(&Registration{Host: "10.0.0.1", Port: 8080, URIs: []string{"a.b"}, PrivateInstanceID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"host":"10.0.0.1","port":8080,"uris":["a.b"],"private_instance_id":"id","tags":null}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"host":"127.0.0.1","port":4567,"uris":["py.localhost"]}`))
	f.Add([]byte(`{"host":"::1","tls_port":1,"uris":["*.a.b/c"],"options":{"loadbalancing":"hash"},"tags":{"a":"b"}}`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data)
		if err != nil {
			return
		}
		if len(r.URIs) > 0 && (r.Host == "" || r.Port == 0 && r.TLSPort == 0) {
			t.Errorf("Decode(%q) accepted an endpoint that cannot be dialled: %+v", data, r)
		}
	})
}
