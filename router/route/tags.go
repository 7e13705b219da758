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

// usualTag returns the name of a tag that the platform gives to each app, and false
// for any other.
func usualTag(name string) (string, bool) {
	switch name {
	case "component":
		return "component", true
	case "source_id":
		return "source_id", true
	case "instance_id":
		return "instance_id", true
	case "process_id":
		return "process_id", true
	case "process_instance_id":
		return "process_instance_id", true
	case "process_type":
		return "process_type", true
	case "app_id":
		return "app_id", true
	case "app_name":
		return "app_name", true
	case "space_id":
		return "space_id", true
	case "space_name":
		return "space_name", true
	case "organization_id":
		return "organization_id", true
	case "organization_name":
		return "organization_name", true
	}
	return "", false
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
