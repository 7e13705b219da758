package problem

import "testing"

func TestProblemPointsAtItsSource(t *testing.T) {
	f := NewFile("routes.yaml", []byte("apps:\n  api:\n\tinstanses: [1]\n"))
	p := f.At(3, 2, DidYouMean("instanses", []string{"instances", "routes"}), "unknown key %q", "instanses")

	if got, want := p.Error(), `routes.yaml:3:2: unknown key "instanses"; did you mean "instances"?`; got != want {
		t.Errorf("Error: got %q, want %q", got, want)
	}
	if got, want := p.Excerpt(), "    3 | \tinstanses: [1]\n      | \t^"; got != want {
		t.Errorf("Excerpt: got %q, want %q", got, want)
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"instances", "routes", "loadbalancing", "port", "status.port"}
	for word, want := range map[string]string{
		"instanses": "instances", "insatnces": "instances", "Routes": "routes", "prot": "port", "zebra": "", "loadbalancer": "loadbalancing",
	} {
		if got := Nearest(word, keys); got != want {
			t.Errorf("Nearest(%q): got %q, want %q", word, got, want)
		}
	}
}
