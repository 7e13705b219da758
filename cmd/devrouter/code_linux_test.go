package main

import (
	"os"
	"runtime"
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

func TestCodeThatWasChangedStays(t *testing.T) {
	const smaps = `55c5fd600000-55c5fde78000 r-xp 00000000 fe:00 99 /usr/bin/devrouter
Size:               8672 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
55c5fde78000-55c5fe8d0000 r--p 00a78000 fe:00 99 /usr/bin/devrouter
Size:              10592 kB
Anonymous:          3120 kB
VmFlags: rd mr mw me ac
55c5fe8d0000-55c5fe95d000 rw-p 014d0000 fe:00 99 /usr/bin/devrouter
Anonymous:             0 kB
7ffd3a1f4000-7ffd3a1f6000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
`
	got := unchangedCode(smaps, "/usr/bin/devrouter")
	if want := (span{0x55c5fd600000, 0x878000}); len(got) != 1 || got[0] != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestCodeComesBackWhenItWasDropped(t *testing.T) {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(smaps), path) {
		t.Error("the program has no code")
	}
	dropCode()
	runtime.GC() // which looks at all types
	if got := strings.Repeat("it runs on ", 2); got != "it runs on it runs on " {
		t.Errorf("got %q", got)
	}
}
