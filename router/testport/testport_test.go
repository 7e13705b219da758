package testport

import (
	"net"
	"strconv"
	"testing"
)

func TestHeldPortsDiffer(t *testing.T) {
	held := make(map[int]bool)
	for range 200 {
		port := Free(t)
		if held[port] {
			t.Errorf("port %d was given twice", port)
		}
		held[port] = true
	}
	for port := range held {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Errorf("a held port cannot be bound: %v", err)
			continue
		}
		l.Close()
	}
}

func TestRefusingRefusesAndIsNotGiven(t *testing.T) {
	addr := Refusing(t)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("it takes a connection")
	}
	if l, err := net.Listen("tcp", addr); err == nil {
		l.Close()
		t.Error("somebody else can listen there")
	}
}
