package routeservice

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The headers of a request on its way to a route service and back.
const (
	// HeaderForwardedURL is where the route service sends the request on to.
	HeaderForwardedURL = "X-Cf-Forwarded-Url"
	// HeaderSignature proves that a router sent the request to the route service.
	HeaderSignature = "X-Cf-Proxy-Signature"
	// HeaderMetadata is what the signature needs to be read.
	HeaderMetadata = "X-Cf-Proxy-Metadata"
)

// The numbers of reference 7.1. Routers that share a secret must share them too.
const (
	iterations = 100_001
	keyBytes   = 16
)

// Keys sign requests and read signatures. They are made from secrets that all
// routers of an installation share. Any goroutine may use them.
type Keys struct {
	ciphers []cipher.AEAD // the first signs, all read; never modified
}

// NewKeys derives the keys, which takes some tens of milliseconds. The first
// secret signs and reads; the second is a former one, whose signatures are still
// read, or empty. The first must not be empty.
func NewKeys(secret, decryptOnly string) (*Keys, error) {
	if secret == "" {
		return nil, errors.New("the secret that signs requests to route services is empty")
	}
	keys := new(Keys)
	for _, s := range []string{secret, decryptOnly} {
		if s == "" {
			continue
		}
		aead, err := newCipher(s)
		if err != nil {
			return nil, err
		}
		keys.ciphers = append(keys.ciphers, aead)
	}
	return keys, nil
}

func newCipher(secret string) (cipher.AEAD, error) {
	key, err := pbkdf2.Key(sha256.New, secret, nil, iterations, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive a key for route services: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher for route services: %w", err)
	}
	return cipher.NewGCM(block)
}

// Signed is what a signature says.
type Signed struct {
	// ForwardedURL is the URL that the client had asked for.
	ForwardedURL string `json:"forwarded_url"`
	// RequestedTime is when the request was sent to the route service.
	RequestedTime time.Time `json:"requested_time"`
}

type metadata struct {
	Nonce []byte `json:"nonce"`
}

// Sign returns the values of HeaderSignature and HeaderMetadata.
func (k *Keys) Sign(s Signed) (signature, meta string, err error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", "", fmt.Errorf("write a route service signature: %w", err)
	}
	aead := k.ciphers[0]
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) //nolint:errcheck // it never fails since Go 1.24
	head, err := json.Marshal(metadata{nonce})
	if err != nil {
		return "", "", fmt.Errorf("write route service metadata: %w", err)
	}
	encode := base64.URLEncoding.EncodeToString
	return encode(aead.Seal(nil, nonce, plain, nil)), encode(head), nil
}

// Open reads a signature. It fails for what no router with one of the secrets
// has written, and says nothing about its age. Its errors repeat nothing of what
// it was given.
func (k *Keys) Open(signature, meta string) (Signed, error) {
	sealed, err := base64.URLEncoding.DecodeString(signature)
	if err != nil {
		return Signed{}, fmt.Errorf("signature: %w", err)
	}
	head, err := base64.URLEncoding.DecodeString(meta)
	if err != nil {
		return Signed{}, fmt.Errorf("metadata: %w", err)
	}
	var m metadata
	if json.Unmarshal(head, &m) != nil {
		return Signed{}, errors.New("metadata: not the JSON of a nonce")
	}
	plain, err := k.open(sealed, m.Nonce)
	if err != nil {
		return Signed{}, err
	}
	var s Signed
	if err := json.Unmarshal(plain, &s); err != nil {
		return Signed{}, errors.New("signature: not the JSON of a forwarded URL and a time")
	}
	return s, nil
}

func (k *Keys) open(sealed, nonce []byte) (plain []byte, err error) {
	for _, aead := range k.ciphers {
		if len(nonce) != aead.NonceSize() {
			return nil, errors.New("metadata: the nonce has the wrong length") // Open would panic
		}
		if plain, err = aead.Open(nil, nonce, sealed, nil); err == nil {
			return plain, nil
		}
	}
	return nil, err
}

// ErrExpired: the signature is one of ours, and too old.
var ErrExpired = errors.New("route service request expired")

// Expired returns ErrExpired when more than timeout has passed since the request
// was sent to the route service.
func (s Signed) Expired(now time.Time, timeout time.Duration) error {
	if now.Sub(s.RequestedTime) > timeout {
		return ErrExpired
	}
	return nil
}
