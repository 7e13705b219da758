package main

import (
	"os"
	"strings"
	"testing"
)

func TestCodeIsWhatIsMappedFromTheProgramAndStays(t *testing.T) {
	const path = "/usr/bin/dev router"
	for line, want := range map[string]uintptr{
		"00400000-00e78000 r-xp 00000000 fe:00 9978349                            /usr/bin/dev router\n": 0xa78000,
		"00e78000-018d0000 r--p 00a78000 fe:00 9978349 /usr/bin/dev router\n":                            0xa58000,
		"018d0000-0195d000 rw-p 014d0000 fe:00 9978349 /usr/bin/dev router\n":                            0,
		"00400000-00e78000 r-xp 00000000 fe:00 9978349 /usr/lib/dev router\n":                            0,
		"7ffd3a1f4000-7ffd3a1f6000 r-xp 00000000 00:00 0 [vdso]\n":                                       0,
		"00e78000-00400000 r-xp 00000000 fe:00 9978349 /usr/bin/dev router\n":                            0,
		"nonsense r-xp 0 0 0 /usr/bin/dev router\n":                                                      0,
		"\n": 0,
	} {
		_, length, ok := codeIn(line, path)
		if length != want || ok != (want != 0) {
			t.Errorf("%q: got %#x, %v, want %#x", line, length, ok, want)
		}
	}
}

func TestCodeComesBackWhenItWasDropped(t *testing.T) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(maps)) {
		if _, _, ok := codeIn(line, path); ok {
			found++
		}
	}
	if found == 0 {
		t.Error("the program has no code")
	}
	dropCode()
	if got := strings.Repeat("it runs on ", 2); got != "it runs on it runs on " {
		t.Errorf("got %q", got)
	}
}
