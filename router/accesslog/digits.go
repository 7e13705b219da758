package accesslog

import "encoding/binary"

// appendNineDigits appends a number below 1e9 with zeros in front.
func appendNineDigits(dst []byte, n uint32) []byte {
	dst = append(dst, '0'+byte(n/1e8))
	return binary.LittleEndian.AppendUint64(dst, eightDigits(n%1e8))
}

// appendSixDigits appends a number below 1e6 with zeros in front.
func appendSixDigits(dst []byte, n uint32) []byte {
	var room [8]byte
	binary.LittleEndian.PutUint64(room[:], eightDigits(n))
	return append(dst, room[2:]...)
}

// eightDigits returns the digits of a number below 1e8, one in each byte, the first
// in the lowest. It divides all of them at once: into two numbers of four digits, four
// of two, eight of one.
func eightDigits(n uint32) uint64 {
	x := uint64(n/1e4) | uint64(n%1e4)<<32
	hundreds := (x * 10486 >> 20) & 0x7f_0000007f // x/100, which is exact below 1e4
	x = hundreds | (x-100*hundreds)<<16
	tens := (x * 103 >> 10) & 0x000f_000f_000f_000f // x/10, which is exact below 100
	x = tens | (x-10*tens)<<8
	return x + 0x3030303030303030
}
