package route

import (
	"slices"
	"strings"
)

// Tags are what a registration tells of an endpoint in its own words, by name. A
// table holds many and looks into few: a map would take ten times the memory of
// one tag. They are never modified once made.
type Tags []Tag // in the order of their names

// Tag is one of them.
type Tag struct{ Name, Value string }

// TagsOf returns the tags of a map. Of nil, as it stands for a registration
// without any, they are nil.
func TagsOf(m map[string]string) Tags {
	if m == nil {
		return nil
	}
	tags := make(Tags, 0, len(m))
	for name, value := range m {
		tags = append(tags, Tag{name, value})
	}
	slices.SortFunc(tags, func(a, b Tag) int { return strings.Compare(a.Name, b.Name) })
	return tags
}

// Get returns the value of a tag, "" when there is none.
func (t Tags) Get(name string) string {
	for i := range t {
		if t[i].Name == name {
			return t[i].Value
		}
	}
	return ""
}

// Map returns the map that the tags were made of, as a new one.
func (t Tags) Map() map[string]string {
	if t == nil {
		return nil
	}
	m := make(map[string]string, len(t))
	for _, tag := range t {
		m[tag.Name] = tag.Value
	}
	return m
}
