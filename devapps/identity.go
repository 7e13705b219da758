package devapps

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// deriveID makes a UUID of what a thing is, so that it is the same after every
// restart. Version 8 is the one for ids of an own making (RFC 9562, 5.8).
func deriveID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		// With the length before it, no part can pass for the end of another.
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	id := h.Sum(nil)[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
