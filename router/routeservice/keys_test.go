package routeservice

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func keys(t testing.TB, secret, decryptOnly string) *Keys {
	t.Helper()
	k, err := NewKeys(secret, decryptOnly)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, k *Keys, s Signed) (signature, meta string) {
	t.Helper()
	signature, meta, err := k.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return signature, meta
}

var request = Signed{ForwardedURL: "https://app.test/a%2Fb?x=1", RequestedTime: time.Date(2025, 4, 1, 12, 0, 0, 123456789, time.UTC)}

func TestSignatureRoundTrip(t *testing.T) {
	k := keys(t, "secret", "")
	got, err := k.Open(sign(t, k, request))
	if err != nil || got.ForwardedURL != request.ForwardedURL || !got.RequestedTime.Equal(request.RequestedTime) {
		t.Errorf("got %+v, %v, want %+v", got, err, request)
	}
}

// Reference 7.1, step by step and apart from the code: another router must be
// able to read what this one writes.
func TestSignatureHasTheDocumentedForm(t *testing.T) {
	signature, meta := sign(t, keys(t, "secret", ""), request)
	head, err := base64.URLEncoding.DecodeString(meta)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(head, &m); err != nil || len(m) != 1 {
		t.Fatalf("got the metadata %s, %v", head, err)
	}
	nonce, err := base64.StdEncoding.DecodeString(m["nonce"])
	if err != nil || len(nonce) != 12 {
		t.Fatalf("got the nonce %q, %v", m["nonce"], err)
	}
	sealed, err := base64.URLEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pbkdf2.Key(sha256.New, "secret", nil, 100001, 16)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	const want = `{"forwarded_url":"https://app.test/a%2Fb?x=1","requested_time":"2025-04-01T12:00:00.123456789Z"}`
	if err != nil || string(plain) != want {
		t.Errorf("got %s, %v, want %s", plain, err, want)
	}
}

func TestSignaturesDiffer(t *testing.T) {
	k := keys(t, "secret", "")
	one, _ := sign(t, k, request)
	two, _ := sign(t, k, request)
	if one == two {
		t.Error("two signatures of one request are equal: the nonce is not random")
	}
}

func TestOpenRefusesWhatNoRouterWrote(t *testing.T) {
	k := keys(t, "secret", "")
	signature, meta := sign(t, k, request)
	_, other := sign(t, k, request)
	flipped := "A" + signature[1:]
	if flipped == signature {
		flipped = "B" + signature[1:]
	}
	encode := func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }
	tests := []struct{ name, signature, meta string }{
		{"empty", "", ""},
		{"no base64", "???", meta},
		{"metadata no base64", signature, "???"},
		{"no metadata", signature, ""},
		{"metadata no JSON", signature, encode("x")},
		{"metadata of the wrong type", signature, encode(`{"nonce":1}`)},
		{"short nonce", signature, encode(`{"nonce":"AAAA"}`)},
		{"long nonce", signature, encode(`{"nonce":"` + strings.Repeat("A", 400) + `"}`)},
		{"nonce of another signature", signature, other},
		{"changed", flipped, meta},
		{"cut short", signature[:16], meta},
		{"standard base64", strings.NewReplacer("-", "+", "_", "/").Replace(signature) + "=", meta},
	}
	for _, tt := range tests {
		if got, err := k.Open(tt.signature, tt.meta); err == nil {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
	if _, err := keys(t, "another", "").Open(signature, meta); err == nil {
		t.Error("another secret read the signature")
	}
}

func TestFormerSecretReadsButDoesNotSign(t *testing.T) {
	former, rotated := keys(t, "old", ""), keys(t, "new", "old")
	if _, err := rotated.Open(sign(t, former, request)); err != nil {
		t.Errorf("a signature of the former secret: %v", err)
	}
	if _, err := rotated.Open(sign(t, rotated, request)); err != nil {
		t.Errorf("a signature of the new secret: %v", err)
	}
	if _, err := former.Open(sign(t, rotated, request)); err == nil {
		t.Error("the former secret has signed")
	}
}

func TestEmptySecretMakesNoKeys(t *testing.T) {
	if _, err := NewKeys("", "old"); err == nil {
		t.Error("an empty secret was taken")
	}
}

func TestExpiry(t *testing.T) {
	for after, expired := range map[time.Duration]bool{0: false, time.Minute: false, time.Minute + 1: true, -time.Hour: false} {
		if err := request.Expired(request.RequestedTime.Add(after), time.Minute); errors.Is(err, ErrExpired) != expired {
			t.Errorf("after %v: got %v, want expired %v", after, err, expired)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := keys(f, "secret", "old")
	signature, meta := sign(f, k, request)
	f.Add(signature, meta)
	f.Add("", "eyJub25jZSI6IkFBQUEifQ==")
	f.Fuzz(func(t *testing.T, s, m string) {
		if got, err := k.Open(s, m); err == nil && got.ForwardedURL != request.ForwardedURL {
			t.Errorf("got %+v from a stranger", got)
		}
	})
}
