package proxy

import (
	"encoding/binary"
	"math/rand/v2"
)

// newRequestID returns a random UUID (version 4). Its randomness need not resist
// an attacker, and must not cost a system call.
func newRequestID() string {
	hi, lo := rand.Uint64(), rand.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(0xc0<<56) | 0x80<<56
	var hex [32]byte
	binary.BigEndian.PutUint64(hex[0:], hexDigits(uint32(hi>>32)))
	binary.BigEndian.PutUint64(hex[8:], hexDigits(uint32(hi)))
	binary.BigEndian.PutUint64(hex[16:], hexDigits(uint32(lo>>32)))
	binary.BigEndian.PutUint64(hex[24:], hexDigits(uint32(lo)))
	id := [36]byte{8: '-', 13: '-', 18: '-', 23: '-'}
	copy(id[0:8], hex[0:8])
	copy(id[9:13], hex[8:12])
	copy(id[14:18], hex[12:16])
	copy(id[19:23], hex[16:20])
	copy(id[24:36], hex[20:32])
	return string(id[:])
}

// hexDigits returns the eight digits of a number, one in each byte.
func hexDigits(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 0x0606060606060606) >> 4 & 0x0101010101010101
	return x + 0x3030303030303030 + letters*('a'-'0'-10)
}
