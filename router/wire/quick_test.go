package wire

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Messages as components send them (reference 1.2 and 12.2).
const (
	routeEmitter = `{"host":"10.0.1.7","port":61001,"tls_port":61443,"uris":["app.example.com","www.example.com/path"],"app":"3f5b4bd0-6a80-4d6f-a8e1-5c8a9d1f0b11",` +
		`"private_instance_id":"9cd5d9d5-5d0c-4a8f-6a5e-0a1b","private_instance_index":"0","server_cert_domain_san":"9cd5d9d5-5d0c-4a8f-6a5e-0a1b",` +
		`"tags":{"component":"route-emitter","source_id":"3f5b4bd0","process_id":"web"},"availability_zone":"z1","isolation_segment":"iso","endpoint_updated_at_ns":1723456789012345678,` +
		`"options":{"loadbalancing":"hash","hash_header":"X-Tenant"}}`
	routeRegistrar = `{"host":"10.0.0.1","port":8080,"uris":["a.b"],"private_instance_id":"id","tags":null}`
)

func TestQuickReadsWhatComponentsSend(t *testing.T) {
	for _, message := range []string{
		routeEmitter, routeRegistrar, `{}`, ` { "host" : "h" , "port" : 0 } `, `{"uris":[],"tags":{}}`,
		`{"stale_threshold_in_seconds":120,"protocol":"http2","route_service_url":"https://x","health_check_path":"/up","options":{}}`,
	} {
		if _, ok := quick([]byte(message)); !ok {
			t.Errorf("quick(%s) left it to encoding/json", message)
		}
		sameAsJSON(t, []byte(message))
	}
}

// What is left to encoding/json, whatever that makes of it.
func TestQuickLeavesTheRest(t *testing.T) {
	for _, message := range []string{
		``, `null`, `[]`, `{`, `{"host":"h"`, `{"host":"h",}`, `{"host":"h"} x`, `{"host":"\u0068"}`, "{\"host\":\"\xff\"}", `{"host":"ü"}`, "{\"host\":\"a\tb\"}",
		`{"HOST":"h"}`, `{"dea":"x"}`, `{"host":"a","host":"b"}`, `{"host":null}`, `{"host":1}`, `{"port":"1"}`, `{"port":65536}`, `{"port":01}`, `{"port":-1}`,
		`{"port":1.0}`, `{"port":1e2}`, `{"port":}`, `{"uris":"a"}`, `{"uris":[1]}`, `{"uris":["a",]}`, `{"uris":["a" "b"]}`, `{"tags":{"a":1}}`, `{"tags":{"a"}}`, `{"tags":nul}`,
		`{"options":{"hash_balance":"1.25"}}`, `{"options":null}`, `{"options":{"loadbalancing":"a","loadbalancing":"b"}}`, `{"endpoint_updated_at_ns":9223372036854775808}`,
	} {
		if _, ok := quick([]byte(message)); ok {
			t.Errorf("quick took %s", message)
		}
	}
}

// sameAsJSON holds quick to what encoding/json makes of a message.
func sameAsJSON(t *testing.T, data []byte) {
	t.Helper()
	got, ok := quick(data)
	if !ok {
		return
	}
	want := new(Registration)
	if err := json.Unmarshal(data, want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("quick(%q): got %+v, want %+v, %v", data, got, want, err)
	}
}

func FuzzQuick(f *testing.F) {
	for _, message := range []string{
		routeEmitter, routeRegistrar, `{"tags":{"a":"b","a":"c"},"uris":["x","y"]}`, `{"options":{"hash_header":"h"},"port":65535}`, ` {"port" : 0 , "tags" : null } `,
		`{"stale_threshold_in_seconds":2147483647,"endpoint_updated_at_ns":9223372036854775807}`, "{\"host\":\"\x7f\"}", `{"uris":[ ]}`, `{"port":00}`,
	} {
		f.Add([]byte(message))
	}
	f.Fuzz(func(t *testing.T, data []byte) { sameAsJSON(t, data) })
}

func BenchmarkDecode(b *testing.B) {
	for name, message := range map[string]string{"route-emitter": routeEmitter, "route-registrar": routeRegistrar} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode([]byte(message)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
