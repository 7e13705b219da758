package appliance

import (
	"crypto/tls"
	"slices"
	"testing"
)

// Reference 9, cipher_suites.
func TestCipherSuiteNames(t *testing.T) {
	for list, want := range map[string][]uint16{
		"": nil,
		// BOSH's default
		"ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": {tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
		"RC4-SHA": {tls.TLS_RSA_WITH_RC4_128_SHA},
		"ECDHE-ECDSA-CHACHA20-POLY1305 : TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305:TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": {
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		"TLS_AES_128_GCM_SHA256": {tls.TLS_AES_128_GCM_SHA256},
	} {
		if got, err := cipherSuites(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %x, %v, want %x", list, got, err, want)
		}
	}
	for _, list := range []string{":", "ECDHE-RSA-AES128-GCM-SHA256:", "ecdhe", "TLS_RSA_WITH_AES_128_CBC"} {
		if got, err := cipherSuites(list); err == nil {
			t.Errorf("%q: got %x", list, got)
		}
	}
}
