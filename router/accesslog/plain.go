package accesslog

// allPlain says whether every byte of a text stands for itself within quotes.
func allPlain(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if !plainEight(x) {
			return false
		}
	}
	if len(s) >= 4 { // the last four may overlap the first
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
		s = s[len(s)-4:]
		return plainEight(x | uint64(s[0])<<32 | uint64(s[1])<<40 | uint64(s[2])<<48 | uint64(s[3])<<56)
	}
	for i := range len(s) {
		if !plain(s[i]) {
			return false
		}
	}
	return true
}

// plainEight is plain for eight bytes at a time. The highest bit of each byte
// collects what is wrong with it; the carries of one wrong byte may blame the next
// as well, which changes nothing.
func plainEight(x uint64) bool {
	const each, highest = 0x0101010101010101, 0x8080808080808080
	control := x - ' '*each
	del := x + each
	quote := x ^ '"'*each
	backslash := x ^ '\\'*each
	return (x|control|del|(quote-each)&^quote|(backslash-each)&^backslash)&highest == 0
}

// plain says whether a byte stands for itself within quotes.
func plain(c byte) bool {
	return ' ' <= c && c < 0x7f && c != '"' && c != '\\'
}
